#include "app/cli/lines.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "app/cli/interrupt.h"

namespace pio::cli {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 30;  // pictures may stand in a line

Error failed(ErrorCode code, const std::string& label, const std::string& words) {
  Error error = make_error(code, label + ": " + words);
  error.path = label;
  return error;
}

}  // namespace

Result<LineReader> LineReader::open(const std::string& path) {
  if (path.empty() || path == "-") return LineReader(STDIN_FILENO, "standard input");
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return failed(errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, path,
                  std::string("expected a file that can be read, found: ") + std::strerror(errno));
  struct stat facts;
  if (fstat(file, &facts) == 0 && S_ISDIR(facts.st_mode)) {
    ::close(file);
    return failed(ErrorCode::bad_argument, path, "expected a file, found a folder");
  }
  return LineReader(file, path);
}

LineReader::LineReader(LineReader&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      label_(std::move(other.label_)),
      held_(std::move(other.held_)),
      at_(other.at_),
      is_at_end_(other.is_at_end_),
      number_(other.number_) {}

LineReader::~LineReader() {
  if (file_ > STDERR_FILENO) ::close(file_);
}

Result<void> LineReader::read_more() {
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  held_.erase(0, at_);
  at_ = 0;
  const std::size_t before = held_.size();
  if (before > kLongestLine)
    return failed(ErrorCode::bad_argument, label_, "line " + std::to_string(number_ + 1) + ": expected at most 1 GiB, found more");
  if (!wait_readable(file_)) return make_error(ErrorCode::cancelled, label_ + ": reading was stopped");
  held_.resize(before + kPiece);
  const ssize_t n = ::read(file_, held_.data() + before, kPiece);
  held_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0 && errno != EINTR && errno != EAGAIN) return failed(ErrorCode::io, label_, std::string("expected text, found: ") + std::strerror(errno));
  is_at_end_ = n == 0;
  return {};
}

Result<std::optional<std::string>> LineReader::next() {
  std::size_t n_searched = 0;  // from at_ on
  for (;;) {
    const std::size_t end = held_.find('\n', at_ + n_searched);
    if (end != std::string::npos || (is_at_end_ && at_ < held_.size())) {
      const std::size_t stop = end == std::string::npos ? held_.size() : end;
      std::string line = held_.substr(at_, stop - at_);
      if (line.ends_with('\r')) line.pop_back();
      at_ = std::min(held_.size(), stop + 1);
      ++number_;
      return std::optional(std::move(line));
    }
    if (is_at_end_) return std::optional<std::string>();
    n_searched = held_.size() - at_;
    RETURN_IF_ERROR(read_more());
  }
}

bool LineReader::is_ready() {
  for (std::size_t n_searched = 0;;) {
    if (is_at_end_ || held_.find('\n', at_ + n_searched) != std::string::npos) return true;
    pollfd file{file_, POLLIN, 0};
    if (poll(&file, 1, 0) <= 0) return false;
    n_searched = held_.size() - at_;
    if (!read_more()) return true;  // next() meets it again
  }
}

Result<void> for_each_line(const std::string& path, const std::function<Result<void>(std::string_view)>& line) {
  ASSIGN_OR_RETURN(LineReader lines, LineReader::open(path));
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<std::string> row, lines.next());
    if (!row) return {};
    if (is_blank(*row)) continue;
    if (const Result<void> status = line(*row); !status) {
      Error error = status.error();
      error.message = lines.label() + ":" + std::to_string(lines.number()) + ": " + error.message;
      return error;
    }
  }
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace pio::cli
