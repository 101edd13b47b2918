#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pio {

// Where the weights of a loaded model lie. Bytes.
struct WeightLayout {
  enum class Form {
    placed,    // copied, in an order that the device reads fast, or as they are
    streamed,  // some are read and laid out anew for every pass, since memory has no room for all
    in_slots,  // copied, but for the experts of a mixture, of which those lie in memory that are likely to be wanted
  };
  Form form = Form::placed;  // of most of them
  std::string isa;           // the instruction set of the device's own order, and the rows that lie side by side in it; "" and 0 without
  int lanes = 0;
  std::uint64_t file_bytes = 0;       // of all loaded tensors in the file
  std::uint64_t resident_bytes = 0;   // of the copies
  std::uint64_t padding_bytes = 0;    // of them, what rounding up added
  std::uint64_t huge_page_bytes = 0;  // of the copies, in huge pages
  std::uint64_t streamed_bytes = 0;   // brought anew for every pass
  // Of the model's files, mapped where this process can read or write them: counted once it is loaded, in a plan what devices would read so.
  // None: the system does not say.
  std::optional<std::uint64_t> mapped_bytes = 0;
};

// How loading went.
struct LoadMeasures {
  double seconds = 0;
  std::uint64_t bytes = 0;  // that were copied out of the file
  enum class Source { cache, direct, buffered };
  Source source = Source::cache;      // where most of them came from: the page cache, past it, or through it
  double read_bytes_per_second = 0;   // of all threads together, while they read
  double touch_bytes_per_second = 0;  // of the first touch of memory, by one thread; 0: not measured
  std::uint64_t budget_bytes = 0;     // that were asked for, or free
  std::uint64_t planned_bytes = 0;    // weights, state and scratch
};

}  // namespace pio
