#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/session.h"

// The conversations of a model whose tokens are cached. The pool has room for as many full contexts as a step has
// conversations: the one unused longest gives way.

namespace pio {

class Conversations {
 private:
  struct Idle {
    std::string conversation;
    std::unique_ptr<Session> session;
  };

 public:
  explicit Conversations(LoadedModel& model) : model_(model) {}
  Conversations(const Conversations&) = delete;
  Conversations& operator=(const Conversations&) = delete;

  // A session in use. When it goes, its tokens stay as a cache. It must not outlive the Conversations.
  class Lent {
   public:
    Lent(Lent&& other) noexcept : home_(std::exchange(other.home_, nullptr)), held_(std::move(other.held_)), n_shared_(other.n_shared_) {}
    Lent& operator=(Lent&&) = delete;
    ~Lent() { give_back(); }
    void give_back();
    Session& operator*() const { return *held_.front().session; }
    Session* operator->() const { return held_.front().session.get(); }
    explicit operator bool() const { return home_ != nullptr; }
    // Tokens of the prompt in blocks that another conversation has too.
    std::int64_t n_shared() const { return n_shared_; }
    // Whose turn it is: cancelled before the model goes.
    void set_owner(Generation* owner);

   private:
    friend class Conversations;
    Lent(Conversations& home, std::list<Idle> held) : home_(&home), held_(std::move(held)) {}
    Conversations* home_;
    std::list<Idle> held_;  // its one place in the list of idle ones: giving back needs no memory
    std::int64_t n_shared_ = 0;
  };

  // The session of this conversation, or a new one, for a prompt of these ids. Where another conversation has more of the prompt's
  // beginning cached (a system prompt, a document), that is shared in whole blocks.
  Lent lend(const std::string& conversation, TokenSpan ids);
  // Forgets those that are not lent.
  void clear() { idle_.clear(); }
  // Ends every turn that holds a session.
  void cancel_all();

 private:
  struct InUse {
    Session* session;
    Generation* owner;
  };
  // Returns how many tokens that are.
  std::int64_t share_prefix(Session& session, TokenSpan ids) const;

  LoadedModel& model_;
  std::list<Idle> idle_;  // the last used first
  std::vector<InUse> in_use_;
};

}  // namespace pio
