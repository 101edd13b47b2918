#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "engine/kv/prefix_cache.h"
#include "engine/kv/snapshot_store.h"
#include "engine/session.h"

// The conversations of a model: those that are being answered, and what is cached of the others. The pool has room for as many full contexts as
// a step has conversations; what was unused longest gives way. Beside the pool there may be snapshots, where conversations outlive their model.

namespace pio {

class Conversations {
 private:
  struct InUse {
    std::uint64_t conversation = 0;
    Session session;
    bool is_kept = true;
    bool is_forgotten = false;  // nothing of it is kept when it ends
    Generation* owner = nullptr;
    std::int64_t n_saved = 0;  // tokens that are in snapshots, as far as was looked
  };

 public:
  // `snapshots` may be null; else it outlives this. `identity`: the model's, see engine/snapshot_identity.h.
  explicit Conversations(LoadedModel& model, SnapshotStore* snapshots = nullptr, std::string identity = {});
  Conversations(const Conversations&) = delete;
  Conversations& operator=(const Conversations&) = delete;

  // What came out of snapshots for a prompt.
  struct Restored {
    SnapshotTier from = SnapshotTier::none;
    std::uint64_t n_bytes = 0;
    double seconds = 0;
  };

  // A session in use. When it goes, its tokens stay as a cache. It must not outlive the Conversations.
  class Lent {
   public:
    Lent(Lent&& other) noexcept
        : home_(std::exchange(other.home_, nullptr)), held_(other.held_), n_shared_(other.n_shared_), restored_(other.restored_) {}
    Lent& operator=(Lent&&) = delete;
    ~Lent() { give_back(); }
    void give_back();
    Session& operator*() const { return held_->session; }
    Session* operator->() const { return &held_->session; }
    explicit operator bool() const { return home_ != nullptr; }
    // Tokens of the prompt in blocks that another conversation has too.
    std::int64_t n_shared() const { return n_shared_; }
    const Restored& restored() const { return restored_; }
    // It has gone on: what is whole by now may be written meanwhile.
    void stepped() { home_->save(*held_, false); }
    // Whose turn it is: cancelled before the model goes.
    void set_owner(Generation* owner) { held_->owner = owner; }

   private:
    friend class Conversations;
    Lent(Conversations& home, std::list<InUse>::iterator held) : home_(&home), held_(held) {}
    Conversations* home_;
    std::list<InUse>::iterator held_;
    std::int64_t n_shared_ = 0;
    Restored restored_;
  };

  struct Wishes {
    bool may_reuse = true;  // else it begins empty
    bool is_kept = true;    // worth a snapshot
    std::stop_token stop = {};
  };

  // A session for a prompt of these ids, which begins with what is cached of them: of this conversation to the token, of others (a system prompt,
  // a document) in whole blocks; where snapshots hold more of them, with that.
  Lent lend(const std::string& conversation, TokenSpan ids, const Wishes& wishes);
  // Forgets what nobody is using.
  void clear() { cache_.clear(); }
  // Forgets what this conversation read, where nobody is using it or goes on from it, and its snapshots.
  void forget(const std::string& conversation);
  // Ends every turn that holds a session.
  void cancel_all();

  // The model goes: what is cached goes to the snapshots in memory, the last used first, up to so many bytes.
  void leave(std::uint64_t most_bytes);

 private:
  void restore(Lent& lent, TokenSpan ids, const std::stop_token& stop) const;
  void save(InUse& one, bool with_end) noexcept;
  void put(std::span<const int> ids, std::span<const std::int32_t> blocks, const SnapshotStore::Stretch& stretch, SnapshotTier tier,
           std::uint64_t conversation) const;

  PrefixCache cache_;
  LoadedModel& model_;
  SnapshotStore* snapshots_;
  std::string identity_;
  std::size_t block_bytes_;
  std::list<InUse> in_use_;
};

}  // namespace pio
