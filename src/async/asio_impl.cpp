// The one translation unit that compiles Boost.Asio's non-template parts
// (BOOST_ASIO_SEPARATE_COMPILATION in cmake/WhorlOptions.cmake).
#include <boost/asio/impl/src.hpp>
