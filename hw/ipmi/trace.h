#include "trace/trace-rig_hw_ipmi.h"
