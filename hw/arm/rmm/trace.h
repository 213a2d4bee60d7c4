#include "trace/trace-rig_hw_arm_rmm.h"
