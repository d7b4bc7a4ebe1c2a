#pragma once
#include "torrent_storage.hpp"

#include <libtorrent/io_context.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace slt {

/// What a disk thread is to do, and what the network thread then calls.
struct Job {
    using Answer = std::function<void()>;

    std::shared_ptr<Storage> storage;
    std::uint64_t epoch;
    /// Negative for what may be done at any time.
    int piece;
    std::function<Answer()> work;
    Answer answer;
};

/// Threads that are started when there is work for them, and the order among their jobs. Thread-safe.
class Workers {
public:
    Workers(lt::io_context& context, std::size_t limit, std::function<void(std::deque<Job>)> deliver)
        : context_(context), limit_(limit), deliver_(std::move(deliver)) {}

    /// Ends when all is done.
    ~Workers();
    Workers(Workers const&) = delete;

    void submit(Job job);
    /// Threads end once nothing is left to do.
    void finish();

private:
    // Under the lock.
    void make_ready(Job job);
    /// Lets the next job of the same piece go.
    void follow(Job const& job);

    void run();
    std::deque<Job> take_answers();

    lt::io_context& context_;
    std::size_t const limit_;
    std::function<void(std::deque<Job>)> const deliver_;
    std::mutex mutex_;
    std::condition_variable wakeup_;
    std::deque<Job> ready_, answers_;
    /// Pieces with a job that is ready or being done, and the jobs that come after it.
    std::map<std::pair<std::uint64_t, int>, std::deque<Job>> following_;
    std::vector<std::thread> threads_;
    std::size_t running_ = 0, idle_ = 0;
    bool is_finishing_ = false;
};

}
