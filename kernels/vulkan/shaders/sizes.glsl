// Every size of a block that the shaders go by. None is a subgroup's: that is the device's, and asked for where it is needed.

// kKvBlockLength of kernels/backend.h: cells of a block.
const uint KV_BLOCK = 32;

// Dims of a head that have one scale in a quantized cache.
const uint KV_GROUP = 32;

// Values of a block of the short formats, of the long ones, and of their groups of 16 that have a scale.
const uint SHORT_BLOCK = 32, LONG_BLOCK = 256, SCALE_GROUP = 16;

// Values that one invocation decodes together. All have one scale.
const uint RUN = 8;

// Activations that are rounded with one scale, and their runs.
const uint ROUNDED_BLOCK = 32, ROUNDED_RUNS = ROUNDED_BLOCK / RUN;

// Numbers of 8 bits in a word.
const uint IN_A_WORD = 4, ROUNDED_WORDS = ROUNDED_BLOCK / IN_A_WORD;

// Cached tokens that a part of attention goes over before it is merged with the others.
const uint ATTENTION_PART = 256;

// Bits of a word.
const uint WORD_BITS = 32;

// Numbers of four words that a workgroup of read_all.comp goes over.
const uint READ_STRETCH = 4096;
