#include "cuda/clustering/kmeans_rounds.cuh"

#include <algorithm>
#include <bit>
#include <cub/device/device_radix_sort.cuh>
#include <utility>

#include "cuda/clustering/threads.cuh"

namespace collide::cuda {

namespace {

constexpr std::uint32_t kLeaf = 8;      // centroids of a leaf at most
constexpr std::uint32_t kTogether = 4;  // dimensions that one thread sums
constexpr std::uint32_t kPiece = KmeansPlaces::kPiece;
constexpr const char* kWhat = "k-means";
constexpr const char* kWork = "run a round of k-means";

__global__ void __launch_bounds__(kThreads) count_up(std::uint32_t* places, std::size_t n) {
  const std::size_t place = global_thread();
  if (place < n) places[place] = static_cast<std::uint32_t>(place);
}

// The boxes of the leaves, from the centroids in them: one thread per leaf and dimension.
__global__ void __launch_bounds__(kThreads) fit_leaves(CentroidBoxes tree, std::uint32_t dim) {
  const std::size_t leaf = global_thread() / dim, d = global_thread() % dim;
  if (leaf >= tree.leaves) return;
  const std::uint32_t first = tree.starts[leaf], end = tree.starts[leaf + 1];
  double lower = tree.centroids[std::size_t{first} * dim + d], upper = lower;
  std::uint8_t moved = tree.moved[first];
  for (std::uint32_t k = first + 1; k < end; ++k) {
    const double at = tree.centroids[std::size_t{k} * dim + d];
    lower = at < lower ? at : lower;
    upper = at > upper ? at : upper;
    moved |= tree.moved[k];
  }
  tree.boxes[(tree.leaves + leaf) * dim + d] = {lower, upper};
  if (d == 0) tree.has_moved[tree.leaves + leaf] = moved;
}

// The boxes of the nodes from `first` to 2 * first, from those of their halves.
__global__ void __launch_bounds__(kThreads) fit_nodes(CentroidBoxes tree, std::uint32_t first, std::uint32_t dim) {
  const std::size_t node = first + global_thread() / dim, d = global_thread() % dim;
  if (node >= 2 * std::size_t{first}) return;
  const double2 below = tree.boxes[2 * node * dim + d], above = tree.boxes[(2 * node + 1) * dim + d];
  tree.boxes[node * dim + d] = {below.x < above.x ? below.x : above.x, below.y > above.y ? below.y : above.y};
  if (d == 0) tree.has_moved[node] = tree.has_moved[2 * node] | tree.has_moved[2 * node + 1];
}

__device__ double squared_distance(const float* __restrict__ point, const double* __restrict__ centroid,
                                   std::uint32_t dim) {
  double sum = 0;
  for (std::uint32_t d = 0; d < dim; ++d) {
    const double difference = static_cast<double>(point[d]) - centroid[d];
    sum += difference * difference;
  }
  return sum;
}

// Rounded as a distance is, so never more than that of a point within.
__device__ double distance_to_box(const float* __restrict__ point, const double2* __restrict__ box, std::uint32_t dim) {
  double sum = 0;
  for (std::uint32_t d = 0; d < dim; ++d) {
    const double at = static_cast<double>(point[d]);
    const double2 bounds = box[d];
    const double below = bounds.x - at, above = at - bounds.y;
    const double outside = below > above ? below : above;
    const double gap = outside > 0 ? outside : 0;
    sum += gap * gap;
  }
  return sum;
}

// The lowest cluster of a node: the first of its leftmost leaf.
__device__ std::uint32_t first_cluster(const CentroidBoxes& tree, std::uint32_t node) {
  while (node < tree.leaves) node *= 2;
  return tree.starts[node - tree.leaves];
}

// One thread per id, those of a cluster side by side. Nodes are visited from left to right, without a stack: the one
// after a subtree is the right half of the nearest ancestor in whose left half the subtree lies. kDim 0: any number of
// dimensions.
template <std::uint32_t kDim>
__global__ void __launch_bounds__(kThreads)
    find_nearest(KmeansMembers ids, CentroidBoxes tree, std::uint32_t* __restrict__ next) {
  const std::size_t member = global_thread();
  if (member >= ids.count) return;
  const std::uint32_t dim = kDim > 0 ? kDim : ids.dim;
  const std::uint32_t place = ids.members[member], own = ids.cluster[member];
  const float* point = ids.points + std::size_t{place} * dim;
  const bool settled = tree.moved[own] == 0;  // then no centroid but one that moved can be nearer
  std::uint32_t nearest = own, node = 1;
  double least = squared_distance(point, tree.centroids + std::size_t{own} * dim, dim);
  do {
    bool open = !settled || tree.has_moved[node] != 0;
    if (open) {
      const double square = distance_to_box(point, tree.boxes + std::size_t{node} * dim, dim);
      // An equal distance may still hold a lower number. Without a look at it, thousands of centroids in one place
      // would all be visited by every id.
      open = square < least || (square == least && first_cluster(tree, node) < nearest);
    }
    if (open && node < tree.leaves) {
      node *= 2;
      continue;
    }
    if (open) {
      const std::uint32_t end = tree.starts[node - tree.leaves + 1];
      for (std::uint32_t k = tree.starts[node - tree.leaves]; k < end; ++k) {
        const double square = squared_distance(point, tree.centroids + std::size_t{k} * dim, dim);
        if (square < least || (square == least && k < nearest)) least = square, nearest = k;
      }
    }
    for (++node; node % 2 == 0; node /= 2)
      ;
  } while (node != 1);
  next[place] = nearest;
}

// Where each cluster begins among the members; thread `count` ends the last. Counts the clusters without any.
__global__ void __launch_bounds__(kThreads)
    find_starts(const std::uint32_t* cluster, std::size_t count, std::uint32_t rows, std::uint32_t* starts,
                std::uint32_t* empty) {
  const std::size_t member = global_thread();
  if (member > count) return;
  const std::uint64_t first = member == 0 ? 0 : std::uint64_t{cluster[member - 1]} + 1;
  const std::uint64_t last = member == count ? rows : cluster[member];
  for (std::uint64_t k = first; k <= last; ++k) starts[k] = static_cast<std::uint32_t>(member);
  if (last > first) atomicAdd(empty, static_cast<std::uint32_t>(last - first));
}

// Where the pieces of a cluster are in a list of those of all clusters: m ids have no more than m / kPiece + 1.
__device__ std::size_t first_piece(const std::uint32_t* starts, std::uint32_t cluster) {
  return std::size_t{starts[cluster]} / kPiece + cluster;
}

struct Piece {
  bool begins;
  std::uint32_t cluster;
  std::size_t end, number;
};

// The piece that begins with a member, if one does.
__device__ Piece piece_of(const KmeansMembers& ids, std::size_t member) {
  if (member >= ids.count) return {};
  const std::uint32_t cluster = ids.cluster[member];
  const std::size_t before = member - ids.starts[cluster], end = ids.starts[cluster + 1];
  return {before % kPiece == 0, cluster, end - member < kPiece ? end : member + kPiece,
          first_piece(ids.starts, cluster) + before / kPiece};
}

__device__ std::uint32_t pieces_of(const std::uint32_t* starts, std::uint32_t cluster) {
  const std::uint32_t size = starts[cluster + 1] - starts[cluster];
  return size / kPiece + (size % kPiece == 0 ? 0 : 1);  // a rounded up sum could wrap
}

// sums [pieces, dim + 1]: of weight times value by dimension, kTogether of them a thread (blockIdx.y), and of weights.
__global__ void __launch_bounds__(kThreads) sum_member_pieces(KmeansMembers ids, double* sums) {
  const std::size_t member = global_thread();
  const std::uint32_t first = blockIdx.y * kTogether;
  const Piece piece = piece_of(ids, member);
  if (!piece.begins) return;
  double weights = 0, sum[kTogether] = {};
  for (std::size_t k = member; k < piece.end; ++k) {
    const std::uint32_t place = ids.members[k];
    const double weight = ids.weights[place];
    const float* point = ids.points + std::size_t{place} * ids.dim + first;
    weights += weight;
#pragma unroll
    for (std::uint32_t d = 0; d < kTogether; ++d) {
      if (first + d < ids.dim) sum[d] += weight * static_cast<double>(point[d]);
    }
  }
  double* out = sums + piece.number * (ids.dim + 1);
  if (first == 0) out[ids.dim] = weights;
#pragma unroll
  for (std::uint32_t d = 0; d < kTogether; ++d) {
    if (first + d < ids.dim) out[first + d] = sum[d];
  }
}

// An empty cluster gets no number as its mean.
__global__ void __launch_bounds__(kThreads) means_of_pieces(const double* sums, const std::uint32_t* starts,
                                                            std::uint32_t rows, std::uint32_t dim, double* means) {
  const std::size_t k = global_thread() / dim, d = global_thread() % dim;
  if (k >= rows) return;
  const auto cluster = static_cast<std::uint32_t>(k);
  const double* piece = sums + first_piece(starts, cluster) * (dim + 1);
  double total = 0, sum = 0;
  for (std::uint32_t left = pieces_of(starts, cluster); left > 0; --left, piece += dim + 1) {
    sum += piece[d];
    total += piece[dim];
  }
  means[k * dim + d] = sum / total;
}

__global__ void __launch_bounds__(kThreads) errors_of_pieces(KmeansMembers ids, const double* means, double* errors) {
  const std::size_t member = global_thread();
  const Piece piece = piece_of(ids, member);
  if (!piece.begins) return;
  double sum = 0;
  for (std::size_t k = member; k < piece.end; ++k) {
    const std::size_t place = ids.members[k];
    sum += ids.weights[place] *
           squared_distance(ids.points + place * ids.dim, means + std::size_t{piece.cluster} * ids.dim, ids.dim);
  }
  errors[piece.number] = sum;
}

__global__ void __launch_bounds__(kThreads)
    add_errors(const double* pieces, const std::uint32_t* starts, std::uint32_t rows, double* errors) {
  const std::size_t k = global_thread();
  if (k >= rows) return;
  const auto cluster = static_cast<std::uint32_t>(k);
  const double* piece = pieces + first_piece(starts, cluster);
  double sum = 0;
  for (std::uint32_t left = pieces_of(starts, cluster); left > 0; --left) sum += *piece++;
  errors[k] = sum;
}

__global__ void __launch_bounds__(kThreads) move_places(const std::uint32_t* places, const std::uint32_t* to,
                                                        std::size_t count, std::uint32_t* next, std::uint8_t* loose) {
  const std::size_t i = global_thread();
  if (i >= count) return;
  loose[next[places[i]]] = 1;
  loose[to[i]] = 1;
  next[places[i]] = to[i];
}

__global__ void __launch_bounds__(kThreads)
    count_moved(const std::uint32_t* cluster, const std::uint32_t* next, std::size_t n, std::uint64_t* moved) {
  const std::size_t place = global_thread();
  const int count = __syncthreads_count(place < n && cluster[place] != next[place]);
  if (threadIdx.x == 0 && count > 0) {
    atomicAdd(reinterpret_cast<unsigned long long*>(moved), static_cast<unsigned long long>(count));
  }
}

__global__ void __launch_bounds__(kThreads)
    move_centroids(const double* means, const std::uint8_t* loose, std::uint32_t rows, std::uint32_t dim,
                   double* centroids, std::uint8_t* moved) {
  const std::size_t k = global_thread();
  if (k >= rows) return;
  bool moves = loose[k] != 0;
  for (std::size_t at = k * dim; at < (k + 1) * dim; ++at) {
    const double mean = means[at];
    moves |= centroids[at] != mean;
    centroids[at] = mean;
  }
  moved[k] = moves;
}

}  // namespace

KmeansRounds::KmeansRounds(const KmeansPlaces& places, std::uint32_t rows)
    : n_(places.size()), rows_(rows), dim_(static_cast<std::uint32_t>(places.dim)) {
  points_.reserve(n_ * dim_, kWhat);
  weights_.reserve(n_, kWhat);
  for (DeviceArray<std::uint32_t>* each : {&cluster_, &next_, &places_, &members_, &member_cluster_}) {
    each->reserve(n_, kWhat);
  }
  starts_.reserve(rows_ + std::size_t{1}, kWhat);
  const std::size_t width = std::size_t{rows_} * dim_, pieces = n_ / kPiece + rows_;
  for (DeviceArray<double>* each : {&centroids_, &means_}) each->reserve(width, kWhat);
  sums_.reserve(pieces * (dim_ + 1), kWhat);
  errors_.reserve(rows_, kWhat);
  for (DeviceArray<std::uint8_t>* each : {&moved_, &loose_}) each->reserve(rows_, kWhat);
  told_.reserve(1, kWhat);

  // Halving the clusters, the lower half the smaller, until a leaf has few enough.
  std::vector<std::uint32_t> leaf_starts = {0, rows_};
  while (rows_ > std::uint64_t{leaves_} * kLeaf) {
    std::vector<std::uint32_t> halves = {0};
    for (std::uint32_t j = 0; j < leaves_; ++j) {
      halves.push_back(leaf_starts[j] + (leaf_starts[j + 1] - leaf_starts[j]) / 2);
      halves.push_back(leaf_starts[j + 1]);
    }
    leaf_starts = std::move(halves);
    leaves_ *= 2;
  }
  leaf_starts_.reserve(leaf_starts.size(), kWhat);
  boxes_.reserve(std::size_t{2} * leaves_ * dim_, kWhat);
  has_moved_.reserve(std::size_t{2} * leaves_, kWhat);

  const char* copying = "copy the ids of k-means to the device";
  leaf_starts_.upload(leaf_starts.data(), leaf_starts.size(), stream_, copying);
  points_.upload(places.points.data(), n_ * dim_, stream_, copying);
  weights_.upload(places.weights.data(), n_, stream_, copying);
  cluster_.upload(places.cluster.data(), n_, stream_, copying);
  next_.upload(places.cluster.data(), n_, stream_, copying);
  count_up<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(places_.data(), n_);
  check(cudaGetLastError(), "launch k-means");
  told_.clear(1, stream_, kWork);
  group();
  sum();
  check(cudaMemcpyAsync(centroids_.data(), means_.data(), width * sizeof(double), cudaMemcpyDeviceToDevice,
                        stream_.get()),
        kWork);
  check(cudaMemsetAsync(moved_.data(), 1, rows_, stream_.get()), kWork);
  stream_.wait(kWork);
}

KmeansMembers KmeansRounds::members() const {
  return {points_.data(), weights_.data(), members_.data(), member_cluster_.data(), starts_.data(), n_, dim_};
}

CentroidBoxes KmeansRounds::tree() const {
  return {centroids_.data(), moved_.data(), leaves_, leaf_starts_.data(), boxes_.data(), has_moved_.data()};
}

// What the round told so far, which is then cleared.
KmeansRounds::Told KmeansRounds::told() {
  Told result;
  told_.download(&result, 1, stream_, kWork);
  stream_.wait(kWork);
  told_.clear(1, stream_, kWork);
  return result;
}

void KmeansRounds::plant() {
  fit_leaves<<<blocks_for(std::uint64_t{leaves_} * dim_), kThreads, 0, stream_.get()>>>(tree(), dim_);
  for (std::uint32_t first = leaves_ / 2; first > 0; first /= 2) {
    fit_nodes<<<blocks_for(std::uint64_t{first} * dim_), kThreads, 0, stream_.get()>>>(tree(), first, dim_);
  }
}

void KmeansRounds::group() {
  const int bits = std::max(1, static_cast<int>(std::bit_width(rows_ - 1)));
  scratch_.run("sort ids by cluster", [&](void* room, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(room, bytes, next_.data(), member_cluster_.data(), places_.data(),
                                           members_.data(), n_, 0, bits, stream_.get());
  });
  find_starts<<<blocks_for(n_ + 1), kThreads, 0, stream_.get()>>>(member_cluster_.data(), n_, rows_, starts_.data(),
                                                                  &told_.data()->empty);
}

void KmeansRounds::sum() {
  const dim3 blocks(blocks_for(n_), (dim_ + (kTogether - 1)) / kTogether);
  sum_member_pieces<<<blocks, kThreads, 0, stream_.get()>>>(members(), sums_.data());
  means_of_pieces<<<blocks_for(std::uint64_t{rows_} * dim_), kThreads, 0, stream_.get()>>>(sums_.data(), starts_.data(),
                                                                                           rows_, dim_, means_.data());
  check(cudaGetLastError(), "launch the means of k-means");
}

bool KmeansRounds::assign() {
  plant();
  const auto search = [&](auto kernel) {
    kernel<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(members(), tree(), next_.data());
  };
  switch (dim_) {
    case 1:
      search(find_nearest<1>);
      break;
    case 2:
      search(find_nearest<2>);
      break;
    case 3:
      search(find_nearest<3>);
      break;
    case 4:
      search(find_nearest<4>);
      break;
    default:
      search(find_nearest<0>);
  }
  check(cudaGetLastError(), "launch the assignment of k-means");
  loose_.clear(rows_, stream_, kWork);
  group();
  sum();
  return told().empty == 0;
}

void KmeansRounds::move(const std::vector<std::uint32_t>& places, const std::vector<std::uint32_t>& to) {
  const DeviceArray<std::uint32_t> moving(places.size(), kWhat), targets(to.size(), kWhat);
  moving.upload(places.data(), places.size(), stream_, kWork);
  targets.upload(to.data(), to.size(), stream_, kWork);
  move_places<<<blocks_for(places.size()), kThreads, 0, stream_.get()>>>(moving.data(), targets.data(), places.size(),
                                                                         next_.data(), loose_.data());
  check(cudaGetLastError(), "launch the halves of k-means");
  group();
  sum();
  stream_.wait(kWork);
}

std::uint64_t KmeansRounds::take_means() {
  count_moved<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(cluster_.data(), next_.data(), n_, &told_.data()->moved);
  move_centroids<<<blocks_for(rows_), kThreads, 0, stream_.get()>>>(means_.data(), loose_.data(), rows_, dim_,
                                                                    centroids_.data(), moved_.data());
  check(cudaGetLastError(), "launch the centroids of k-means");
  std::swap(cluster_, next_);
  return told().moved;
}

KmeansRounds::Grouping KmeansRounds::grouping() const {
  Grouping result;
  result.members.resize(n_);
  result.starts.resize(rows_ + std::size_t{1});
  members_.download(result.members.data(), n_, stream_, "copy the clusters of k-means from the device");
  starts_.download(result.starts.data(), result.starts.size(), stream_, "copy the clusters of k-means from the device");
  stream_.wait(kWork);
  return result;
}

std::vector<double> KmeansRounds::errors() {
  errors_of_pieces<<<blocks_for(n_), kThreads, 0, stream_.get()>>>(members(), means_.data(), sums_.data());
  add_errors<<<blocks_for(rows_), kThreads, 0, stream_.get()>>>(sums_.data(), starts_.data(), rows_, errors_.data());
  check(cudaGetLastError(), "launch the errors of k-means");
  std::vector<double> result(rows_);
  errors_.download(result.data(), rows_, stream_, "copy the errors of k-means from the device");
  stream_.wait(kWork);
  return result;
}

std::vector<double> KmeansRounds::centroids() const {
  std::vector<double> result(std::size_t{rows_} * dim_);
  centroids_.download(result.data(), result.size(), stream_, "copy the centroids of k-means from the device");
  stream_.wait(kWork);
  return result;
}

}  // namespace collide::cuda
