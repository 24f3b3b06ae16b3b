#include "wasi/p2/filesystem.hpp"

#include "wasi/p2/descriptor.hpp"
#include "wasi/p2/error.hpp"

namespace whorl::wasi::p2 {

component::HostResult<
    std::vector<std::tuple<component::Own<wit::wasi_filesystem_types::Descriptor>, std::string>>>
PreopensHost::get_directories(component::Call&) {
  std::vector<std::tuple<component::Own<wit::wasi_filesystem_types::Descriptor>, std::string>> out;
  for (const Preopen& preopen : context_.preopens) {
    const bool writable = preopen.directory->grant() == files::Grant::ReadWrite;
    const std::uint32_t flags =
        files::DescriptorBits::kRead | (writable ? files::DescriptorBits::kMutateDirectory : 0U);
    out.emplace_back(
        std::make_unique<Descriptor>(
            around_, context_.blocking, files::Handle(preopen.directory, flags)
        ),
        preopen.guest_path
    );
  }
  return out;
}

component::HostResult<std::optional<wit::wasi_filesystem_types::ErrorCode>>
FilesystemTypesHost::filesystem_error_code(component::Call&, wit::wasi_io_error::Error& err) {
  const int number = static_cast<IoError&>(err).os_error();
  return number == 0 ? std::nullopt : std::optional(to_file_error(number));
}

}  // namespace whorl::wasi::p2
