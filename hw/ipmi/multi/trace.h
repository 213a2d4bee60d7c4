#include "trace/trace-rig_hw_ipmi_multi.h"
