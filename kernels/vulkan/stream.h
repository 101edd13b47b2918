#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "kernels/vulkan/card.h"

namespace pio::vulkan {

// What one backend has its device do: commands are gathered and handed over in bundles of a few milliseconds, so that a stop, and other programs that
// draw with the same card, wait no longer. Every command sees what those before it wrote.
class Stream {
 public:
  static Result<std::shared_ptr<Stream>> create(std::shared_ptr<Card> card);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Card& card() { return *card_; }

  void dispatch(VkPipeline pipeline, std::span<const std::byte> parameters, std::uint32_t n_groups);
  void copy(const Piece& to, VkDeviceSize to_offset, const Piece& from, VkDeviceSize from_offset, VkDeviceSize n_bytes);
  void upload(const Piece& to, VkDeviceSize offset, const std::byte* data, std::size_t n_bytes);
  // Waits. Zeros where the device is lost.
  void download(std::byte* data, const Piece& from, VkDeviceSize offset, std::size_t n_bytes);

  // Multiplications that the commands gathered so far are to do, and how many more fit into their bundle; 0: it is to be handed over. Where they are
  // only known to be no more than that, nothing is learnt from how long they take.
  void add_work(double n_multiplications, bool is_known);
  double room_for_work() const;

  void flush();
  // Waits for all. The first error since the beginning: a device that is lost stays lost.
  Result<void> finish();
  const std::optional<Error>& error() const { return error_; }
  void set_error(Error error);

  // A word that is not 0 once `stop` is requested, for shaders to look at, and one that is always 0.
  void watch(const std::stop_token& stop);
  VkDeviceAddress stop_word() const { return flag_.address; }
  VkDeviceAddress zero_word() const { return zero_.address; }

  // What is handed over between these two is kept, to be handed over again: as many bundles as it came in. Nothing is kept of commands that move what
  // the host has, or where a bundle took longer than one may.
  struct Recording {
    struct Piece {
      VkCommandBuffer commands = VK_NULL_HANDLE;
      double work = 0;
      std::uint64_t n_launches = 0;
    };
    std::vector<Piece> pieces;
    std::uint64_t n_finished = 0;  // of the stream, when it was last handed over
  };
  void begin_recording();
  std::optional<Recording> end_recording(bool is_kept);
  void replay(Recording& recording);
  void forget(Recording& recording);
  // Whether a bundle since the last time took longer than any may: then the rate was not known yet, and what was recorded by it is to be forgotten.
  bool was_too_long() { return std::exchange(was_too_long_, false); }

  // Commands handed to the device since the beginning.
  std::uint64_t n_launches() const { return n_launches_; }

  // Of a buffer that goes: its memory is free once nothing uses it any more.
  void release(const Piece& piece);

 private:
  using Clock = std::chrono::steady_clock;
  struct Bundle {
    VkCommandBuffer own = VK_NULL_HANDLE, commands = VK_NULL_HANDLE;  // those it records into: its own, or a recording's
    VkFence fence = VK_NULL_HANDLE;
    bool is_pending = false;
    double work = 0;  // 0 where it is not known
    Clock::time_point submitted;
  };
  struct RaiseFlag {
    volatile std::uint32_t* flag;
    void operator()() const { *flag = 1; }
  };

  explicit Stream(std::shared_ptr<Card> card) : card_(std::move(card)) {}
  Result<void> create();
  bool begin();
  void barrier();
  void wait(Bundle& bundle);
  void check(VkResult result, const char* call);
  VkCommandBuffer allocate_commands();
  void submit(Bundle& bundle, double work);

  std::shared_ptr<Card> card_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  std::array<Bundle, 3> bundles_;
  std::size_t current_ = 0;
  bool is_recording_ = false;
  int n_recorded_ = 0;
  double work_ = 0;
  bool is_work_known_ = true;
  double work_per_second_ = 0;
  Clock::time_point last_done_;
  Piece staging_, flag_, zero_;
  std::size_t staging_bytes_ = 0, staged_ = 0;
  bool is_kept_ = false;  // what is recorded now
  bool is_repeatable_ = true;
  bool was_too_long_ = false;
  Recording recording_;
  std::uint64_t n_launches_before_ = 0, n_finished_ = 0;
  std::optional<Error> error_;
  std::uint64_t n_launches_ = 0;
  std::stop_token watched_;
  std::optional<std::stop_callback<RaiseFlag>> callback_;
};

}  // namespace pio::vulkan
