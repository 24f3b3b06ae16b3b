#include <stdio.h>
#include <stdlib.h>

namespace {

// A constructor that runs before main(), and a destructor that must not be missed.
class Answer {
 public:
  Answer() : query_(getenv("QUERY_STRING")) {}
  ~Answer() { puts("bye"); }
  template <class Print>
  void with(Print print) const {
    print(query_ == nullptr ? "" : query_);
  }

 private:
  const char* query_;
};

Answer answer;

}  // namespace

int main(int argc, char** argv) {
  puts("Content-Type: text/plain\n");
  answer.with([&](const char* query) { printf("C++ %d %s %s\n", argc, argv[0], query); });
  return 0;
}
