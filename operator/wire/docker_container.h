/// Containers, volumes and services of a Docker engine, as far as they say where files are kept and how
/// containers are started. Plain data, filled by `docker_request` and `docker_api`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operator/core/workload.h"

namespace walguard::wire {

struct DockerMount {
  enum class Kind : std::uint8_t {
    kBind,    ///< `source` is a path of the engine's host
    kVolume,  ///< `source` is the volume's name; empty where the engine will make one up
    kTmpfs,
    kImage,    ///< files of an image, read-only: never a database
    kCluster,  ///< a CSI volume of the swarm; what it is does not stand here
    kUnknown,  ///< of existing containers alone: a request with one is refused
  };
  Kind kind = Kind::kUnknown;
  /// kBind: as core::normalised_path makes it; the engine cleans it in this way, before it follows symlinks.
  std::string source;
  std::string target;    ///< path in the container, as core::normalised_path makes it
  std::string sub_path;  ///< kVolume: the folder of the volume that is mounted; empty: the whole
  /// kVolume: where the engine has it on its host, of existing containers alone. Empty: not told.
  std::string host_path;
  bool read_only = false;
  bool non_recursive = false;  ///< kBind: what is mounted below `source` is not seen
  /// kVolume: of a volume that is not there yet; empty: "local". An existing one keeps its own.
  std::string driver;
  core::StringMap options;  ///< kVolume: likewise
  bool anonymous = false;   ///< kVolume: made for this container alone

  friend bool operator==(const DockerMount&, const DockerMount&) = default;
};

struct DockerVolumesFrom {
  std::string container;  ///< a name, an id, or how an id begins, as it is written
  bool read_only = false;

  friend bool operator==(const DockerVolumesFrom&, const DockerVolumesFrom&) = default;
};

struct DockerContainer {
  enum class State : std::uint8_t {
    kWanted,   ///< it is asked for and not there
    kCreated,  ///< never started
    kRunning,
    kPaused,
    kRestarting,
    kRemoving,
    kExited,
    kDead,  ///< could not be removed whole
    kUnknown,
  };
  std::string id;     ///< empty: kWanted
  std::string name;   ///< without the slash that the engine writes before it; empty: the engine makes one up
  std::string image;  ///< as it was asked for
  State state = State::kUnknown;
  core::Annotations labels;  ///< those of walguard, in either form: walguard.NAME and walguard/NAME
  std::string compose_project;
  std::string compose_service;
  std::string swarm_service;  ///< name of the service whose task it is: such are never authorized
  std::string runtime;        ///< empty: the engine's default
  /// As it is written; the mounts have it in their `driver` already.
  std::string volume_driver;
  bool read_only_root = false;
  /// Binds, Mounts, Tmpfs, then Volumes of the config at whose place nothing else is. Of an existing
  /// container also those of the image and of `volumes_from`.
  std::vector<DockerMount> mounts;
  std::vector<DockerVolumesFrom> volumes_from;
  core::Launch launch;  ///< of kWanted without what the image says
};

struct DockerVolume {
  std::string name;  ///< empty: the engine makes one up
  std::string driver = "local";
  core::StringMap options;   ///< driver_opts: may hold a password
  std::string mountpoint;    ///< on the engine's host; empty: not told
  core::Annotations labels;  ///< as of a container
  bool cluster = false;      ///< a CSI volume of the swarm
};

/// A service of a swarm. Its tasks run where the swarm likes, and none of them is ever authorized.
struct DockerService {
  std::string id;  ///< of the one that is updated, as it is written; empty: a new one
  std::string name;
  core::Annotations labels;  ///< of the containers; those of the service count where these have none
  bool on_every_node = false;
  /// nullopt: not said, which means one. Of a job how many run at once; nullopt then means as many as it has.
  std::optional<std::int64_t> replicas;
  bool is_job = false;
  std::vector<std::string> constraints;  ///< "node.hostname==alpha"
  bool read_only_root = false;
  std::vector<DockerMount> mounts;
  core::Launch launch;
};

}  // namespace walguard::wire
