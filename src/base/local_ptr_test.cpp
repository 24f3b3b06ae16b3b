#include "base/local_ptr.hpp"

#include <doctest/doctest.h>

#include <concepts>
#include <string>

namespace whorl {
namespace {

struct Base {
  explicit Base(int& ended) : ended_(ended) {}
  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;
  virtual ~Base() { ++ended_; }

 private:
  int& ended_;
};
struct Derived final : Base, EnableLocalFromThis<Derived> {
  using Base::Base;
  std::string text = "text";
};

TEST_CASE("the last holder of a local pointer ends the object") {
  int ended = 0;
  LocalPtr<Derived> first = make_local<Derived>(ended);
  LocalPtr<Base> second = first;
  CHECK(first.use_count() == 2);
  first.reset();
  CHECK(ended == 0);
  second.reset();
  CHECK(ended == 1);
}

TEST_CASE("an object gives further holders of itself, and knows when it has none") {
  int ended = 0;
  LocalPtr<Derived> first = make_local<Derived>(ended);
  const LocalPtr<Derived> again = first->shared_from_this();
  CHECK(again == first);
  CHECK(first.use_count() == 2);

  WeakLocalPtr<Derived> watching = first;
  CHECK(watching.lock() == first);
  first.reset();
  CHECK_FALSE(watching.expired());
}

TEST_CASE("who only watches an object doesn't keep it") {
  int ended = 0;
  LocalPtr<Derived> only = make_local<Derived>(ended);
  const WeakLocalPtr<Derived> watching = only;
  only.reset();
  CHECK(ended == 1);
  CHECK(watching.expired());
  CHECK(watching.lock() == nullptr);
}

TEST_CASE("a part of an object keeps all of it") {
  int ended = 0;
  LocalPtr<Derived> whole = make_local<Derived>(ended);
  LocalPtr<const std::string> part(whole, &whole->text);
  whole.reset();
  CHECK(ended == 0);
  CHECK(*part == "text");
  part.reset();
  CHECK(ended == 1);
}

#ifdef __GLIBCXX__
// One would count with locks what the other counts without.
static_assert(!std::convertible_to<std::shared_ptr<int>, LocalPtr<int>>);
static_assert(!std::convertible_to<LocalPtr<int>, std::shared_ptr<int>>);
#endif

}  // namespace
}  // namespace whorl
