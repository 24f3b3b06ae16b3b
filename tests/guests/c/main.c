#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  const char* query = getenv("QUERY_STRING");
  printf(
      "Content-Type: text/plain\nStatus: 200\n\nC %d %s %s\n",
      argc,
      argv[0],
      query == NULL ? "" : query
  );
  return 0;
}
