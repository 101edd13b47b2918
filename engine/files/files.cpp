#include "engine/files/model_file.h"
