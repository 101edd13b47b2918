#pragma once

// Places in a picture that an answer names: the app's door to models/qwen3_vl_2b/grounding.h.

#include "models/qwen3_vl_2b/grounding.h"
