#include "kernels/first_touch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "kernels/host_buffer.h"

namespace pio {
namespace {

constexpr std::size_t kPiece = 2 << 20;  // a huge page
// A piece that took so much longer than the fastest one may have waited for compaction. Asking the system is slower than touching a piece.
constexpr double kSlow = 2;

// Writes to each page what is there already, whoever writes beside it; that is no race that ThreadSanitizer could tell from others.
__attribute__((no_sanitize("thread"))) void write_each(std::byte* begin, std::size_t n, std::size_t page) {
  for (auto* at = reinterpret_cast<unsigned char*>(begin); n > 0; at += page, n -= std::min(n, page)) {
    unsigned char nothing = 0;
    __atomic_compare_exchange_n(at, &nothing, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  }
}

}  // namespace

std::optional<std::uint64_t> compaction_stalls(const std::string& root) {
  std::ifstream file(root + "/proc/vmstat");
  std::string name;
  for (std::uint64_t n = 0; file >> name >> n;)
    if (name == "compact_stall") return n;
  return {};
}

void FirstTouch::touch_piece(std::unique_lock<std::mutex>& lock, std::byte* begin, std::size_t n) {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (!budget_.allows(std::chrono::steady_clock::now() - start_)) ::madvise(begin, n, MADV_NOHUGEPAGE);  // only advice
  lock.unlock();
  const auto start = std::chrono::steady_clock::now();
  write_each(begin, n, page);
  const CompactionBudget::Seconds taken = std::chrono::steady_clock::now() - start;
  lock.lock();
  all_ += taken;
  n_bytes_ += n;
  if (n == kPiece) fastest_ = std::min(fastest_, taken);
  CompactionBudget::Seconds compaction{0};
  if (taken > kSlow * fastest_) {
    // Another program's wait counts too, for nobody says whose it was.
    const std::optional<std::uint64_t> stalls = compaction_stalls();
    if (!stalls || stalls != stalls_) compaction = taken - fastest_;
    stalls_ = stalls;
  }
  budget_.add(compaction / n_threads_);
}

void FirstTouch::touch(const Buffer& buffer, std::size_t begin, std::size_t end) {
  if (!buffer.host_data() || buffer.n_bytes() < kHugePagesFrom) return;
  end = std::min(end, buffer.n_bytes());
  std::unique_lock lock(mutex_);
  std::vector<State>& states = pieces_[&buffer];
  states.resize((buffer.n_bytes() + kPiece - 1) / kPiece);
  for (std::size_t piece = begin / kPiece; piece * kPiece < end; ++piece) {
    State& state = states[piece];
    changed_.wait(lock, [&] { return state != State::on_way; });
    if (state == State::there) continue;
    state = State::on_way;
    touch_piece(lock, buffer.host_data() + piece * kPiece, std::min(kPiece, buffer.n_bytes() - piece * kPiece));
    state = State::there;
    changed_.notify_all();
  }
}

double FirstTouch::bytes_per_second() const {
  const std::lock_guard lock(mutex_);
  return n_bytes_ == 0 ? 0 : static_cast<double>(n_bytes_) / all_.count();
}

}  // namespace pio
