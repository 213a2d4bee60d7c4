#include "trace/trace-rig_hw_arm.h"
