// The engine and the machine's limits behind a line protocol on standard input and output, which every peer speaks:
//   setup [kinds=identity,learned] [threads=2] [tables=26] [width=64] ...   -> ready CASE ... KEY=NOTE ...
//   run CASE FIRST COUNT    -> time WALL CPU   seconds per batch, over COUNT batches from number FIRST
//   write FILE              -> written         the workload, for the peers
// A failure answers "error ..."; the next line is read all the same. A second setup replaces the first.
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>

#include "cases.h"
#include "core/support/error.h"

namespace {

using collide::fail;
using collide::bench::Cases;
using collide::bench::Shape;

double number(const std::string& key, const std::string& text) {
  std::istringstream words(text);
  double value = 0;
  if (!(words >> value) || !words.eof() || value < 0) {
    fail("INVALID_ARGUMENT", "Expected a number for ", key, ", received \"", text, "\"");
  }
  return value;
}

void set_up(std::istringstream& words, std::optional<Cases>& cases) {
  Shape shape;
  std::size_t threads = 2;
  std::vector<std::string> kinds = {"identity", "learned"};
  const std::map<std::string, std::size_t*> sizes = {
      {"tables", &shape.tables}, {"batch", &shape.batch},     {"pooling", &shape.pooling},
      {"width", &shape.width},   {"batches", &shape.batches}, {"least", &shape.least},
      {"most", &shape.most},     {"shrink", &shape.shrink},   {"threads", &threads}};
  for (std::string word; words >> word;) {
    const std::string key = word.substr(0, word.find('=')), value = word.substr(std::min(word.size(), key.size() + 1));
    if (key == "kinds") {
      kinds.clear();
      std::istringstream list(value);
      for (std::string kind; std::getline(list, kind, ',');) kinds.push_back(kind);
    } else if (sizes.contains(key)) {
      *sizes.at(key) = static_cast<std::size_t>(number(key, value));
    } else {
      fail("INVALID_ARGUMENT", "Expected a setting of the workload, received \"", key, "\"");
    }
  }
  cases.reset();  // its tables must be gone before there is room for new ones
  cases.emplace(shape, kinds, static_cast<unsigned>(threads));
}

void answer(const std::string& line, std::optional<Cases>& cases) {
  std::istringstream words(line);
  std::string verb, name;
  words >> verb;
  if (verb == "setup") {
    set_up(words, cases);
    std::cout << "ready";
    for (const std::string& one : cases->names()) std::cout << " " << one;
    for (const auto& [key, note] : cases->notes()) std::cout << " " << key << "=" << note;
    std::cout << " batches=" << cases->workload().shape.batches << std::endl;
    return;
  }
  if (!cases) fail("INVALID_ARGUMENT", "Expected a setup first, received \"", line, "\"");
  if (verb == "run") {
    std::size_t first = 0, count = 0;
    if (!(words >> name >> first >> count) || count == 0) {
      fail("INVALID_ARGUMENT", "Expected run CASE FIRST COUNT, received \"", line, "\"");
    }
    const auto [wall, cpu] = cases->run(name, first, count);
    std::cout << "time " << wall << " " << cpu << std::endl;
  } else if (verb == "write" && words >> name) {
    cases->workload().write(name);
    std::cout << "written" << std::endl;
  } else {
    fail("INVALID_ARGUMENT", "Expected setup, run or write, received \"", line, "\"");
  }
}

}  // namespace

int main() {
  std::optional<Cases> cases;
  std::cout.precision(9);
  for (std::string line; std::getline(std::cin, line);) {
    try {
      answer(line, cases);
    } catch (const std::exception& error) {
      std::cout << "error " << error.what() << std::endl;
    }
  }
}
