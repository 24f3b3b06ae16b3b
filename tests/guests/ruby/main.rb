puts "Content-Type: text/plain"
puts
puts "Ruby #{ARGV.length} #{ARGV[0]} #{ENV['QUERY_STRING']}"
