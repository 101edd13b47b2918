#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "engine/kv/prefix_cache.h"
#include "engine/session.h"

// The conversations of a model: those that are being answered, and what is cached of the others. The pool has room for as many full contexts as
// a step has conversations; what was unused longest gives way.

namespace pio {

class Conversations {
 private:
  struct InUse {
    std::uint64_t conversation = 0;
    Session session;
    Generation* owner = nullptr;
  };

 public:
  explicit Conversations(LoadedModel& model);
  Conversations(const Conversations&) = delete;
  Conversations& operator=(const Conversations&) = delete;

  // A session in use. When it goes, its tokens stay as a cache. It must not outlive the Conversations.
  class Lent {
   public:
    Lent(Lent&& other) noexcept : home_(std::exchange(other.home_, nullptr)), held_(other.held_), n_shared_(other.n_shared_) {}
    Lent& operator=(Lent&&) = delete;
    ~Lent() { give_back(); }
    void give_back();
    Session& operator*() const { return held_->session; }
    Session* operator->() const { return &held_->session; }
    explicit operator bool() const { return home_ != nullptr; }
    // Tokens of the prompt in blocks that another conversation has too.
    std::int64_t n_shared() const { return n_shared_; }
    // Whose turn it is: cancelled before the model goes.
    void set_owner(Generation* owner) { held_->owner = owner; }

   private:
    friend class Conversations;
    Lent(Conversations& home, std::list<InUse>::iterator held) : home_(&home), held_(held) {}
    Conversations* home_;
    std::list<InUse>::iterator held_;
    std::int64_t n_shared_ = 0;
  };

  // A session for a prompt of these ids, which begins with what is cached of them: of this conversation to the token, of others (a system prompt,
  // a document) in whole blocks. It begins empty where nothing may be reused.
  Lent lend(const std::string& conversation, TokenSpan ids, bool may_reuse = true);
  // Forgets what nobody is using.
  void clear() { cache_.clear(); }
  // Ends every turn that holds a session.
  void cancel_all();

 private:
  PrefixCache cache_;
  LoadedModel& model_;
  std::list<InUse> in_use_;
};

}  // namespace pio
