# OpenSSL in two parts, none of them a library that the loader looks for at a start (docs/adr/0062).
#
# whorl_openssl_headers: for net/, which calls the machine's library through trampolines and loads it when TLS begins.
add_library(whorl_openssl_headers INTERFACE)
target_include_directories(whorl_openssl_headers SYSTEM INTERFACE "${OPENSSL_INCLUDE_DIR}")

# whorl_digests: SHA-256 and GMAC of OpenSSL inside the program, and nothing else of it: a start checks what it loads
# by them. From the archive that comes with the headers; what these functions need of one another becomes local, so
# that it never meets the machine's own copy.
set(digest_functions SHA256_Init SHA256_Update SHA256_Final AES_set_encrypt_key AES_encrypt
  CRYPTO_gcm128_new CRYPTO_gcm128_setiv CRYPTO_gcm128_aad CRYPTO_gcm128_tag CRYPTO_gcm128_release)
find_library(libcrypto_archive NAMES libcrypto.a NO_CACHE)
if(NOT libcrypto_archive)
  message(FATAL_ERROR "there is no libcrypto.a; it is part of the package of OpenSSL's headers (Debian: libssl-dev)")
endif()
list(TRANSFORM digest_functions PREPEND "--undefined=" OUTPUT_VARIABLE wanted)
list(APPEND digest_functions OPENSSL_ia32cap_P)  # what the processor can do: a common symbol has to stay global
list(TRANSFORM digest_functions PREPEND "--keep-global-symbol=" OUTPUT_VARIABLE kept)
set(object "${CMAKE_BINARY_DIR}/digests.o")
add_custom_command(OUTPUT "${object}"
  COMMAND "${CMAKE_LINKER}" --relocatable ${wanted} -o "${object}.part" "${libcrypto_archive}"
  COMMAND "${CMAKE_OBJCOPY}" ${kept} "${object}.part" "${object}"
  DEPENDS "${libcrypto_archive}" COMMENT "Taking OpenSSL's digests out of ${libcrypto_archive}" VERBATIM)
add_library(whorl_digests STATIC "${object}")
set_target_properties(whorl_digests PROPERTIES LINKER_LANGUAGE C)
target_link_libraries(whorl_digests INTERFACE whorl_openssl_headers)
