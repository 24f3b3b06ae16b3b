package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Printf("Content-Type: text/plain\n\nGo %d %s %s\n", len(os.Args), os.Args[0], os.Getenv("QUERY_STRING"))
}
