console.log("Content-Type: text/plain");
console.log("");
console.log("AssemblyScript " + process.argv.join(" "));
