#include "trace/trace-rig_hw_rig.h"
