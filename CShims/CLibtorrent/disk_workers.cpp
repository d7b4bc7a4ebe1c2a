#include "disk_workers.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <system_error>

namespace slt {

Workers::~Workers() {
    finish();
    for (auto& thread : threads_) thread.join();
}

void Workers::submit(Job job) {
    std::lock_guard<std::mutex> const lock(mutex_);
    if (job.piece >= 0) {
        auto const [busy, is_first] = following_.try_emplace({job.storage->number, job.piece});
        if (!is_first) return busy->second.push_back(std::move(job));
    }
    make_ready(std::move(job));
}

void Workers::finish() {
    std::lock_guard<std::mutex> const lock(mutex_);
    is_finishing_ = true;
    wakeup_.notify_all();
}

void Workers::make_ready(Job job) {
    ready_.push_back(std::move(job));
    if (idle_ >= ready_.size())
        wakeup_.notify_one();
    else if (running_ < limit_) {
        // The guard keeps libtorrent's thread from ending before it has heard all answers.
        try {
            threads_.emplace_back([this, guard = boost::asio::make_work_guard(context_)] { run(); });
            ++running_;
        } catch (std::system_error const&) {
            // No further thread can be had: those that there are come to it. Without any, nothing would ever be done.
            if (running_ == 0) throw;
        }
    }
}

void Workers::run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        while (ready_.empty() && !is_finishing_) {
            ++idle_;
            wakeup_.wait(lock);
            --idle_;
        }
        if (ready_.empty()) break;
        Job job = std::move(ready_.front());
        ready_.pop_front();
        lock.unlock();
        job.answer = job.work();
        job.work = nullptr;
        lock.lock();
        follow(job);
        answers_.push_back(std::move(job));
        if (answers_.size() == 1) boost::asio::post(context_, [this] { deliver_(take_answers()); });
    }
    --running_;
}

void Workers::follow(Job const& job) {
    if (job.piece < 0) return;
    auto const busy = following_.find({job.storage->number, job.piece});
    if (busy->second.empty()) {
        following_.erase(busy);
        return;
    }
    // For this thread itself, which needs no waking.
    ready_.push_front(std::move(busy->second.front()));
    busy->second.pop_front();
}

std::deque<Job> Workers::take_answers() {
    std::lock_guard<std::mutex> const lock(mutex_);
    return std::exchange(answers_, {});
}

}
