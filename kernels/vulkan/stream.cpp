#include "kernels/vulkan/stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pio::vulkan {
namespace {

constexpr std::size_t kStagingBytes = std::size_t{8} << 20;
constexpr double kBundleSeconds = 0.02, kMostBundleSeconds = 0.1;
constexpr int kBundleCommands = 200;
constexpr std::uint32_t kMostGroupsInARow = 65535;  // of every device
// Until the first bundle has been measured.
constexpr double kFirstRate = 5e10, kFirstSoftwareRate = 3e8;

VkMemoryBarrier all_memory(VkAccessFlags before, VkAccessFlags after) {
  VkMemoryBarrier barrier{};
  barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  barrier.srcAccessMask = before;
  barrier.dstAccessMask = after;
  return barrier;
}

constexpr VkPipelineStageFlags kStages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kWrites = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkAccessFlags kReads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;

}  // namespace

Result<std::shared_ptr<Stream>> Stream::create(std::shared_ptr<Card> card) {
  std::shared_ptr<Stream> stream(new Stream(std::move(card)));
  RETURN_IF_ERROR(stream->create());
  return stream;
}

Result<void> Stream::create() {
  const VkDevice device = card_->device();
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = card_->queue_family();
  check(vkCreateCommandPool(device, &pool, nullptr, &pool_), "vkCreateCommandPool");
  for (Bundle& bundle : bundles_) {
    if (error_) return *error_;
    bundle.own = allocate_commands();
    VkFenceCreateInfo fence{};
    fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
    check(vkCreateFence(device, &fence, nullptr, &bundle.fence), "vkCreateFence");
  }
  if (error_) return *error_;
  staging_bytes_ = std::min<std::size_t>(kStagingBytes, card_->most_bytes());
  ASSIGN_OR_RETURN(staging_, card_->allocate(staging_bytes_, true));
  ASSIGN_OR_RETURN(flag_, card_->allocate(sizeof(std::uint32_t), true));
  ASSIGN_OR_RETURN(zero_, card_->allocate(sizeof(std::uint32_t)));
  const std::uint32_t zero = 0;
  std::memcpy(flag_.host, &zero, sizeof zero);
  upload(zero_, 0, reinterpret_cast<const std::byte*>(&zero), sizeof zero);
  work_per_second_ = card_->info().is_software ? kFirstSoftwareRate : kFirstRate;
  return {};
}

VkCommandBuffer Stream::allocate_commands() {
  VkCommandBufferAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  allocate.commandPool = pool_;
  allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  allocate.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  check(vkAllocateCommandBuffers(card_->device(), &allocate, &commands), "vkAllocateCommandBuffers");
  return commands;
}

Stream::~Stream() {
  static_cast<void>(finish());
  callback_.reset();
  const VkDevice device = card_->device();
  for (const Bundle& bundle : bundles_) vkDestroyFence(device, bundle.fence, nullptr);
  if (pool_) vkDestroyCommandPool(device, pool_, nullptr);
  for (const Piece& piece : {staging_, flag_, zero_}) {
    if (piece.buffer) card_->free(piece);
  }
}

void Stream::set_error(Error error) {
  if (error_) return;
  error.device = card_->info().name;
  if (error.code == ErrorCode::device_lost) card_->lose();
  error_ = std::move(error);
}

void Stream::check(VkResult result, const char* call) {
  if (result >= 0) return;
  const ErrorCode code = result == VK_ERROR_DEVICE_LOST                                                     ? ErrorCode::device_lost
                         : result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY ? ErrorCode::out_of_memory
                                                                                                            : ErrorCode::internal;
  set_error(make_error(code, card_->info().name + ": " + call + ": " + text_of(result)));
}

void Stream::wait(Bundle& bundle) {
  if (!bundle.is_pending) return;
  bundle.is_pending = false;
  const VkDevice device = card_->device();
  const bool is_running = vkGetFenceStatus(device, bundle.fence) == VK_NOT_READY;
  check(vkWaitForFences(device, 1, &bundle.fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  check(vkResetFences(device, 1, &bundle.fence), "vkResetFences");
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - std::max(bundle.submitted, last_done_)).count();
  last_done_ = now;
  if (is_running && seconds > kMostBundleSeconds) was_too_long_ = true;
  // What had ended before tells no time, and what was stopped did not do its work.
  if (is_running && seconds > 1e-3 && bundle.work > 0 && !watched_.stop_requested()) {
    work_per_second_ += 0.3 * (std::max(bundle.work / seconds, 1e6) - work_per_second_);
  }
}

bool Stream::begin() {
  if (error_) return false;
  if (is_recording_) return true;
  Bundle& bundle = bundles_[current_];
  wait(bundle);
  bundle.commands = is_kept_ ? allocate_commands() : bundle.own;
  if (error_) return false;
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = is_kept_ ? 0 : VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(vkBeginCommandBuffer(bundle.commands, &begin), "vkBeginCommandBuffer");
  is_recording_ = !error_;
  return is_recording_;
}

void Stream::barrier() {
  const VkMemoryBarrier memory = all_memory(kWrites, kReads | kWrites);
  vkCmdPipelineBarrier(bundles_[current_].commands, kStages, kStages, 0, 1, &memory, 0, nullptr, 0, nullptr);
  ++n_recorded_;
  ++n_launches_;
}

void Stream::dispatch(VkPipeline pipeline, std::span<const std::byte> parameters, std::uint32_t n_groups) {
  if (n_groups == 0 || !begin()) return;
  const VkCommandBuffer commands = bundles_[current_].commands;
  barrier();
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdPushConstants(commands, card_->pipeline_layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0, static_cast<std::uint32_t>(parameters.size()),
                     parameters.data());
  const std::uint32_t width = std::min(n_groups, kMostGroupsInARow);
  vkCmdDispatch(commands, width, (n_groups + width - 1) / width, 1);
  if (n_recorded_ >= kBundleCommands) flush();
}

void Stream::copy(const Piece& to, VkDeviceSize to_offset, const Piece& from, VkDeviceSize from_offset, VkDeviceSize n_bytes) {
  if (n_bytes == 0 || !begin()) return;
  barrier();
  const VkBufferCopy region{from.offset + from_offset, to.offset + to_offset, n_bytes};
  vkCmdCopyBuffer(bundles_[current_].commands, from.buffer, to.buffer, 1, &region);
  if (n_recorded_ >= kBundleCommands) flush();
}

void Stream::upload(const Piece& to, VkDeviceSize offset, const std::byte* data, std::size_t n_bytes) {
  is_repeatable_ = false;
  while (n_bytes > 0 && !error_) {
    if (staged_ == staging_bytes_) static_cast<void>(finish());
    const std::size_t n = std::min(n_bytes, staging_bytes_ - staged_);
    std::memcpy(staging_.host + staged_, data, n);
    const std::size_t from = staged_;
    staged_ = std::min((staged_ + n + 15) / 16 * 16, staging_bytes_);
    copy(to, offset, staging_, from, n);
    data += n;
    offset += n;
    n_bytes -= n;
  }
}

void Stream::download(std::byte* data, const Piece& from, VkDeviceSize offset, std::size_t n_bytes) {
  is_repeatable_ = false;
  while (n_bytes > 0) {
    const std::size_t n = std::min(n_bytes, staging_bytes_);
    if (staging_bytes_ - staged_ < n) static_cast<void>(finish());
    const std::size_t to = staged_;
    staged_ = std::min((staged_ + n + 15) / 16 * 16, staging_bytes_);
    copy(staging_, to, from, offset, n);
    if (begin()) {
      const VkMemoryBarrier memory = all_memory(VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
      vkCmdPipelineBarrier(bundles_[current_].commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory, 0, nullptr, 0,
                           nullptr);
    }
    if (finish()) std::memcpy(data, staging_.host + to, n);
    else std::memset(data, 0, n);
    data += n;
    offset += n;
    n_bytes -= n;
  }
}

void Stream::add_work(double n_multiplications, bool is_known) {
  work_ += n_multiplications;
  is_work_known_ = is_work_known_ && is_known;
}

double Stream::room_for_work() const { return std::max(0.0, work_per_second_ * kBundleSeconds - work_); }

void Stream::flush() {
  if (!is_recording_) return;
  Bundle& bundle = bundles_[current_];
  is_recording_ = false;
  check(vkEndCommandBuffer(bundle.commands), "vkEndCommandBuffer");
  const double work = std::exchange(is_work_known_, true) ? work_ : 0;
  if (is_kept_) recording_.pieces.push_back({bundle.commands, work, n_launches_ - std::exchange(n_launches_before_, n_launches_)});
  work_ = 0;
  n_recorded_ = 0;
  submit(bundle, work);
}

void Stream::submit(Bundle& bundle, double work) {
  if (!error_) check(card_->submit(bundle.commands, bundle.fence), "vkQueueSubmit");
  bundle.is_pending = !error_;
  bundle.work = work;
  bundle.submitted = Clock::now();
  current_ = (current_ + 1) % bundles_.size();
}

void Stream::begin_recording() {
  flush();
  is_kept_ = is_repeatable_ = true;
  was_too_long_ = false;
  recording_ = {};
  n_launches_before_ = n_launches_;
}

std::optional<Stream::Recording> Stream::end_recording(bool is_kept) {
  if (!is_kept_) return {};
  flush();
  is_kept_ = false;
  Recording recording = std::exchange(recording_, {});
  recording.n_finished = n_finished_;
  if (is_kept && is_repeatable_ && !error_ && !recording.pieces.empty()) return recording;
  forget(recording);
  return {};
}

void Stream::replay(Recording& recording) {
  flush();
  // A bundle is handed over again when it has ended.
  if (recording.n_finished == n_finished_) static_cast<void>(finish());
  recording.n_finished = n_finished_;
  for (const Recording::Piece& piece : recording.pieces) {
    if (error_ || watched_.stop_requested()) return;
    Bundle& bundle = bundles_[current_];
    wait(bundle);
    bundle.commands = piece.commands;
    n_launches_ += piece.n_launches;
    submit(bundle, piece.work);
  }
}

void Stream::forget(Recording& recording) {
  if (recording.n_finished == n_finished_) static_cast<void>(finish());
  for (const Recording::Piece& piece : recording.pieces) vkFreeCommandBuffers(card_->device(), pool_, 1, &piece.commands);
  recording.pieces.clear();
}

Result<void> Stream::finish() {
  flush();
  for (std::size_t i = 0; i < bundles_.size(); ++i) wait(bundles_[(current_ + i) % bundles_.size()]);
  staged_ = 0;
  ++n_finished_;
  if (error_) return *error_;
  return {};
}

void Stream::watch(const std::stop_token& stop) {
  if (stop == watched_) return;
  static_cast<void>(finish());  // what was stopped ends before the word is 0 again
  callback_.reset();
  auto* const flag = reinterpret_cast<volatile std::uint32_t*>(flag_.host);
  *flag = 0;
  watched_ = stop;
  if (stop.stop_possible()) callback_.emplace(stop, RaiseFlag{flag});
}

void Stream::release(const Piece& piece) {
  static_cast<void>(finish());
  card_->free(piece);
}

}  // namespace pio::vulkan
