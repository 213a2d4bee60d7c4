#include "trace/trace-rig_hw_pci.h"
