#include "models/json_value.h"
