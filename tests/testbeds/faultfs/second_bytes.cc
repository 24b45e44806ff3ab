#include "tests/testbeds/faultfs/second_bytes.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "tests/testbeds/faultfs/backing.h"
#include "tests/testbeds/faultfs/options.h"

namespace walguard::faultfs {
namespace {

constexpr off_t kPage = 4096;

off_t end_of(off_t offset, std::string_view bytes) { return offset + static_cast<off_t>(bytes.size()); }

// Copies into `target`, which begins at `target_offset`, what `source` has for the same place.
void overlay(std::string& target, off_t target_offset, std::string_view source, off_t source_offset) {
  const off_t from = std::max(target_offset, source_offset);
  const off_t to = std::min(end_of(target_offset, target), end_of(source_offset, source));
  if (from >= to) return;
  std::copy_n(source.begin() + (from - source_offset), to - from, target.begin() + (from - target_offset));
}

}  // namespace

SecondBytes::SecondBytes(const Options& options)
    : fault_(options.mounts.size() > 1 ? options.fault : Fault::kNone),
      delay_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds))) {}

void SecondBytes::first_writes(const NodePtr& node, off_t offset, std::string_view bytes) {
  if (fault_ == Fault::kDelay) keep_what_is_there(view(node), offset, bytes.size());
  if (fault_ == Fault::kTruncateUnseen) patch(view(node), offset, bytes);
}

void SecondBytes::first_truncates(const NodePtr& node, off_t size) {
  const bool is_hidden =
      fault_ == Fault::kDelay || (fault_ == Fault::kTruncateUnseen && view(node).looked_at);
  const off_t before = size_of(*node);
  if (is_hidden)
    keep_what_is_there(view(node), size, static_cast<std::size_t>(std::max<off_t>(before - size, 0)));
}

void SecondBytes::second_writes(const NodePtr& node, off_t offset, std::string_view bytes) {
  if (fault_ == Fault::kNone) return;
  FileView& file = view(node);
  patch(file, offset, bytes);
  const off_t end = end_of(offset, bytes);
  for (Undo& undo : file.undos) undo.size = std::max(undo.size, end);
  if (file.kept_size) file.kept_size = std::max(*file.kept_size, end);
}

void SecondBytes::second_truncates(const NodePtr& node, off_t size) {
  if (fault_ == Fault::kNone) return;
  FileView& file = view(node);
  for (Undo& undo : file.undos) undo.size = size;
  if (file.kept_size) file.kept_size = size;
  file.pages.clear();
}

off_t SecondBytes::size(const NodePtr& node, off_t in_store) {
  if (fault_ == Fault::kNone) return in_store;
  FileView& file = view(node);
  file.looked_at = true;
  forget_old_undos(file);
  if (fault_ == Fault::kStaleSize) {
    if (!file.kept_size) file.kept_size = in_store;
    return *file.kept_size;
  }
  if (fault_ == Fault::kDelay) return file.undos.empty() ? in_store : file.undos.front().size;
  off_t longest = in_store;
  for (const Undo& undo : file.undos) longest = std::max(longest, undo.size);
  return longest;
}

std::string SecondBytes::read(const NodePtr& node, off_t offset, std::size_t length, std::string in_store) {
  if (fault_ == Fault::kNone) return in_store;
  FileView& file = view(node);
  if (fault_ == Fault::kStalePages) return read_kept_pages(file, offset, std::move(in_store));
  const off_t visible = std::clamp<off_t>(size(node, size_of(*node)) - offset, 0, static_cast<off_t>(length));
  if (keeps_history()) {
    in_store.resize(static_cast<std::size_t>(visible));
    for (auto undo = file.undos.rbegin(); undo != file.undos.rend(); ++undo) {
      overlay(in_store, offset, undo->bytes, undo->offset);
    }
  } else {
    in_store.resize(std::min(in_store.size(), static_cast<std::size_t>(visible)));
  }
  return in_store;
}

SecondBytes::FileView& SecondBytes::view(const NodePtr& node) {
  return files_.try_emplace(node->id(), FileView{.node = node}).first->second;
}

void SecondBytes::keep_what_is_there(FileView& file, off_t offset, std::size_t length) {
  forget_old_undos(file);
  const bool is_for_ever = fault_ != Fault::kDelay;
  file.undos.push_back({.until = is_for_ever ? Clock::time_point::max() : Clock::now() + delay_,
                        .offset = offset,
                        .bytes = read_bytes(*file.node, offset, length).value_or(std::string()),
                        .size = size_of(*file.node)});
}

void SecondBytes::patch(FileView& file, off_t offset, std::string_view bytes) {
  for (Undo& undo : file.undos) overlay(undo.bytes, undo.offset, bytes, offset);
  for (auto& [page, kept] : file.pages) overlay(kept, page, bytes, offset);
}

void SecondBytes::forget_old_undos(FileView& file) const {
  while (!file.undos.empty() && file.undos.front().until <= Clock::now()) file.undos.pop_front();
}

bool SecondBytes::keeps_history() const {
  return fault_ == Fault::kDelay || fault_ == Fault::kTruncateUnseen;
}

std::string SecondBytes::read_kept_pages(FileView& file, off_t offset, std::string in_store) {
  for (off_t page = offset - offset % kPage; page < end_of(offset, in_store); page += kPage) {
    auto kept = file.pages.find(page);
    if (kept == file.pages.end()) {
      kept = file.pages.emplace(page, read_bytes(*file.node, page, kPage).value_or(std::string())).first;
    }
    overlay(in_store, offset, kept->second, page);
  }
  return in_store;
}

}  // namespace walguard::faultfs
