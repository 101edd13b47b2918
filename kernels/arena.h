#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/base/result.h"
#include "kernels/tensor.h"

namespace pio {

class Backend;

// Temporary tensors on a backend, in one block of memory that is kept from use to use. Where a use needs more than the block holds, it gets
// pieces beside it, and the next use begins with one block of the largest size seen so far. A device that has no memory left throws
// std::bad_alloc, as `new` does.
class Arena {
 public:
  // Gives back every temporary made after it when it goes.
  class Mark {
   public:
    explicit Mark(Arena& arena) : arena_(arena), place_(arena.place_) {}
    ~Mark() { arena_.release(place_); }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;

   private:
    friend class Arena;
    Arena& arena_;
    struct Place {
      std::size_t used = 0;   // bytes of all temporaries
      std::size_t block = 0;  // where the next one goes
      std::size_t offset = 0;
    };
    Place place_;
  };

  explicit Arena(Backend& backend) : backend_(backend) {}
  Backend& backend() { return backend_; }
  Tensor temp(DType dtype, Shape shape);
  // Makes the block hold n_bytes. Only while there are no temporaries.
  Result<void> reserve(std::size_t n_bytes);
  // Gives all memory back, and forgets how much was needed. Only while there are no temporaries.
  void clear();
  std::size_t n_bytes() const;                                  // held in all
  std::size_t high_water_bytes() const { return high_water_; }  // of the temporaries of any use so far
  // Rises whenever the block has moved, and is no other arena's: addresses in a recording hold for one generation.
  std::uint64_t generation() const { return generation_; }

 private:
  static std::uint64_t next_generation();
  void release(const Mark::Place& place);
  Tensor put(DType dtype, Shape shape, std::size_t n_bytes);

  Backend& backend_;
  std::vector<std::unique_ptr<Buffer>> blocks_;  // the block, and the pieces that one use needed beside it
  Mark::Place place_;
  std::size_t high_water_ = 0;
  std::uint64_t generation_ = next_generation();
};

}  // namespace pio
