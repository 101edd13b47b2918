#pragma once

#include <QFuture>
#include <QObject>
#include <QPromise>
#include <QThreadPool>
#include <memory>
#include <type_traits>
#include <utility>

namespace pio {

// Runs `job` on a thread of Qt's pool, then `then` with what it returned, on the thread of `receiver`; where that one is gone by then, not at all.
template <class Job, class Then>
void runElsewhere(QObject* receiver, Job job, Then then) {
  const auto promise = std::make_shared<QPromise<std::invoke_result_t<Job>>>();
  promise->start();
  promise->future().then(receiver, std::move(then));
  QThreadPool::globalInstance()->start([promise, job = std::move(job)] {
    promise->addResult(job());
    promise->finish();
  });
}

}  // namespace pio
