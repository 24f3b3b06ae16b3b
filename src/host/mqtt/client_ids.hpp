/// ClientIds: which client ids are connected to which broker. A broker cuts a connection when
/// another one comes with the same id, so that connections at the same time get ids of their own:
/// the first the id itself, others the id with a number. @thread any
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace whorl::host::mqtt {

class ClientIds {
 public:
  /// An id, taken as long as this lives. Outlived by its ClientIds.
  class Taken {
   public:
    Taken(Taken&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          key_(std::move(other.key_)),
          number_(other.number_),
          text_(std::move(other.text_)) {}
    Taken& operator=(Taken&&) = delete;
    ~Taken() {
      if (owner_ != nullptr) {
        owner_->give_back(key_, number_);
      }
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

   private:
    friend class ClientIds;
    Taken(ClientIds& owner, std::string key, unsigned number, std::string text)
        : owner_(&owner), key_(std::move(key)), number_(number), text_(std::move(text)) {}
    ClientIds* owner_;
    std::string key_;
    unsigned number_;
    std::string text_;
  };

  ClientIds() = default;
  ClientIds(const ClientIds&) = delete;
  ClientIds& operator=(const ClientIds&) = delete;

  [[nodiscard]] Taken take(const std::string& broker, const std::string& id) {
    std::string key = broker + '\n' + id;
    const std::scoped_lock lock(mutex_);
    std::set<unsigned>& numbers = taken_[key];
    unsigned number = 1;
    while (numbers.contains(number)) {
      ++number;
    }
    numbers.insert(number);
    std::string text = number == 1 ? id : id + '-' + std::to_string(number);
    return Taken(*this, std::move(key), number, std::move(text));
  }

 private:
  void give_back(const std::string& key, unsigned number) noexcept {
    const std::scoped_lock lock(mutex_);
    const auto found = taken_.find(key);
    if (found != taken_.end() && found->second.erase(number) != 0 && found->second.empty()) {
      taken_.erase(found);
    }
  }

  std::mutex mutex_;
  std::map<std::string, std::set<unsigned>> taken_;
};

}  // namespace whorl::host::mqtt
