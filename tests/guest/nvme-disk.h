/*
 * Find the disk of an NVMe controller of the command line.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef RIG_NVME_DISK_H
#define RIG_NVME_DISK_H

#include "topology.h"

/* "nvme0c1n1" is one way to a disk, the disk itself is "nvme0n1". */
static inline bool disk_node(const char *id, char node[PATH_MAX])
{
    char path[PATH_MAX], pattern[PATH_MAX + 32];
    unsigned controller, space;
    glob_t found;
    bool ok;

    snprintf(pattern, sizeof(pattern), "%s/nvme/nvme*/nvme*n1",
             topology_path(id, path) ? path : "/nowhere");
    ok = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1;
    if (ok) {
        const char *last = strrchr(found.gl_pathv[0], '/') + 1;

        if (sscanf(last, "nvme%uc%*un%u", &controller, &space) == 2) {
            snprintf(node, PATH_MAX, "/dev/nvme%un%u", controller, space);
        } else {
            snprintf(node, PATH_MAX, "/dev/%s", last);
        }
    }
    globfree(&found);
    return ok;
}

#endif
