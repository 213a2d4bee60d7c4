/*
 * Find the devices of the command line in the guest's sysfs.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * /rig/devices has one line for every -device: id, driver, parent, slot,
 * properties. No bus number is assumed: the path is followed from pcie.0 down.
 */
#ifndef RIG_TOPOLOGY_H
#define RIG_TOPOLOGY_H

#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TOPOLOGY_ID 64

static inline bool topology_row(const char *id, char *parent, char *slot)
{
    char line[512], name[TOPOLOGY_ID];
    FILE *f = fopen("/rig/devices", "r");
    bool found = false;

    while (f && !found && fgets(line, sizeof(line), f)) {
        found = sscanf(line, "%63s %*s %63s %15s", name, parent, slot) == 3 &&
                !strcmp(name, id);
    }
    if (f) {
        fclose(f);
    }
    return found;
}

/* The sysfs directory of the device with this id on the command line. */
static inline bool topology_path(const char *id, char path[PATH_MAX])
{
    char parent[TOPOLOGY_ID], slot[16], above[PATH_MAX];
    char pattern[PATH_MAX + 32];
    glob_t found;
    bool ok;

    if (!topology_row(id, parent, slot)) {
        return false;
    }
    if (!strcmp(parent, "pcie.0")) {
        snprintf(pattern, sizeof(pattern),
                 "/sys/devices/platform/*/pci0000:00/0000:00:%s", slot);
    } else if (topology_path(parent, above)) {
        snprintf(pattern, sizeof(pattern), "%s/0000:*:%s", above, slot);
    } else {
        return false;
    }
    ok = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1 &&
         strlen(found.gl_pathv[0]) < PATH_MAX;
    if (ok) {
        strcpy(path, found.gl_pathv[0]);
    }
    globfree(&found);
    return ok;
}

/* The last component of its path: 0000:bb:dd.f */
static inline const char *topology_bdf(const char *path)
{
    return strrchr(path, '/') + 1;
}

#endif
