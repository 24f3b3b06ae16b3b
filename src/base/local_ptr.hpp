/// LocalPtr: shared ownership among the objects of one shard, counted without locks.
///
/// std::shared_ptr counts with locked operations as soon as a process may have two threads, whether
/// or not a second thread ever sees the object: 4.5 ns each, in every copy and every end of a copy
/// (ADR 67). What belongs to one shard for its whole life is held by LocalPtr, which is
/// std::shared_ptr in all but that. The two don't convert into each other.
///
/// A LocalPtr may be moved through another thread (in a function that is posted back to the shard),
/// but it is copied, dereferenced and destroyed by one thread at a time: the shard's, or, when the
/// shards' threads have been joined, the one that takes the loops down. The thread sanitizer sees
/// it where that is not so. What threads share keeps std::shared_ptr.
/// @thread one
#pragma once

#include <memory>
#include <utility>

namespace whorl {

#ifdef __GLIBCXX__

// The library's own shared_ptr with its policy for one thread ("Using different lock policies" in
// its manual).
template <class T>
using LocalPtr = std::__shared_ptr<T, __gnu_cxx::_S_single>;
template <class T>
using WeakLocalPtr = std::__weak_ptr<T, __gnu_cxx::_S_single>;
/// For a class whose objects are made by make_local(): `shared_from_this()` gives a LocalPtr.
template <class T>
using EnableLocalFromThis = std::__enable_shared_from_this<T, __gnu_cxx::_S_single>;

/// Makes an object and its count in one block.
template <class T, class... A>
[[nodiscard]] LocalPtr<T> make_local(A&&... arguments) {
  return std::__make_shared<T, __gnu_cxx::_S_single>(std::forward<A>(arguments)...);
}

#else

// Other libraries have no such policy: right, and a little slower.
template <class T>
using LocalPtr = std::shared_ptr<T>;
template <class T>
using WeakLocalPtr = std::weak_ptr<T>;
template <class T>
using EnableLocalFromThis = std::enable_shared_from_this<T>;

template <class T, class... A>
[[nodiscard]] LocalPtr<T> make_local(A&&... arguments) {
  return std::make_shared<T>(std::forward<A>(arguments)...);
}

#endif

}  // namespace whorl
