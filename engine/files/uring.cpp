#include "engine/files/uring.h"

#include <linux/io_uring.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>

namespace pio {
namespace {

constexpr unsigned kEntries = 16;

// A mapping of the ring's memory.
class Shared {
 public:
  Shared() = default;
  ~Shared() {
    if (data_) ::munmap(data_, n_bytes_);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  bool map(int ring, std::size_t n_bytes, off_t what) {
    void* const data = ::mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
    if (data == MAP_FAILED) return false;
    data_ = data;
    n_bytes_ = n_bytes;
    return true;
  }
  template <class T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(static_cast<std::byte*>(data_) + offset);
  }

 private:
  void* data_ = nullptr;
  std::size_t n_bytes_ = 0;
};

// The calls themselves: three of them and two rings of memory need no library.
class Uring final : public ReadQueue {
 public:
  Uring() : ReadQueue("uring") {}
  ~Uring() override {
    while (n_under_way_ > 0) static_cast<void>(wait(std::chrono::milliseconds(1000)));
    if (ring_ >= 0) ::close(ring_);
  }

  // 0, or errno.
  int open() {
    io_uring_params params{};
    ring_ = static_cast<int>(::syscall(__NR_io_uring_setup, kEntries, &params));
    if (ring_ < 0) return errno;
    if (!wanted_.map(ring_, params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING) ||
        !done_.map(ring_, params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING) ||
        !entries_.map(ring_, params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES))
      return errno;
    wanted_tail_ = wanted_.at<unsigned>(params.sq_off.tail);
    wanted_mask_ = *wanted_.at<unsigned>(params.sq_off.ring_mask);
    order_ = wanted_.at<unsigned>(params.sq_off.array);
    done_head_ = done_.at<unsigned>(params.cq_off.head);
    done_tail_ = done_.at<unsigned>(params.cq_off.tail);
    done_mask_ = *done_.at<unsigned>(params.cq_off.ring_mask);
    results_ = done_.at<io_uring_cqe>(params.cq_off.cqes);
    for (unsigned i = 0; i < kEntries; ++i) free_.at(n_free_++) = i;
    return 0;
  }

 private:
  std::size_t most_reads() const override { return kEntries; }

  void submit(const Read& read) override {
    const unsigned slot = free_.at(--n_free_);
    vectors_[slot] = {read.out, read.n};
    indices_[slot] = read.index;
    // This thread alone writes the tail.
    const unsigned tail = *wanted_tail_, entry = tail & wanted_mask_;
    io_uring_sqe& wanted = entries_.at<io_uring_sqe>(0)[entry];
    wanted = {};
    wanted.opcode = IORING_OP_READV;  // known to every io_uring
    wanted.fd = read.fd;
    wanted.off = read.offset;
    wanted.addr = reinterpret_cast<std::uint64_t>(&vectors_[slot]);
    wanted.len = 1;
    wanted.user_data = slot;
    order_[entry] = entry;
    std::atomic_ref(*wanted_tail_).store(tail + 1, std::memory_order_release);
    ++n_under_way_;
    while (::syscall(__NR_io_uring_enter, ring_, 1, 0, 0, nullptr, 0) < 0) {
      if (errno == EINTR || errno == EAGAIN || errno == EBUSY) continue;
      // Nothing was taken: it comes back as a failed read.
      std::atomic_ref(*wanted_tail_).store(tail, std::memory_order_release);
      refused_.at(n_refused_++) = {slot, -errno};
      return;
    }
  }

  std::optional<Came> wait(std::chrono::milliseconds patience) override {
    if (n_refused_ > 0) {
      const auto [slot, number] = refused_.at(--n_refused_);
      return take(slot, number);
    }
    if (is_empty()) {
      pollfd ready{ring_, POLLIN, 0};
      ::poll(&ready, 1, static_cast<int>(patience.count()));
      if (is_empty()) return {};
    }
    const unsigned head = *done_head_;
    const io_uring_cqe result = results_[head & done_mask_];
    std::atomic_ref(*done_head_).store(head + 1, std::memory_order_release);
    return take(static_cast<unsigned>(result.user_data), result.res);
  }
  bool is_empty() const { return *done_head_ == std::atomic_ref(*done_tail_).load(std::memory_order_acquire); }
  Came take(unsigned slot, int n) {
    --n_under_way_;
    free_.at(n_free_++) = slot;
    return {indices_[slot], n};
  }

  int ring_ = -1;
  Shared wanted_, done_, entries_;
  unsigned *wanted_tail_ = nullptr, *order_ = nullptr, *done_head_ = nullptr, *done_tail_ = nullptr;
  unsigned wanted_mask_ = 0, done_mask_ = 0;
  const io_uring_cqe* results_ = nullptr;
  std::array<iovec, kEntries> vectors_{};
  std::array<std::size_t, kEntries> indices_{};
  std::array<unsigned, kEntries> free_{};
  std::array<std::pair<unsigned, int>, kEntries> refused_{};
  std::size_t n_free_ = 0, n_refused_ = 0, n_under_way_ = 0;
};

}  // namespace

Result<std::unique_ptr<ReadQueue>> create_uring() {
  auto uring = std::make_unique<Uring>();
  if (const int number = uring->open(); number != 0)
    return make_error(ErrorCode::not_available,
                      "--io uring: expected a system that grants io_uring, found: " + std::generic_category().message(number));
  return std::unique_ptr<ReadQueue>(std::move(uring));
}

}  // namespace pio
