package main

import (
	"context"
	"errors"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// registrationServer tells the kubelet that there is a driver and where it listens.
type registrationServer struct {
	registerapi.UnimplementedRegistrationServer
	name, endpoint string
}

func (s registrationServer) GetInfo(context.Context, *registerapi.InfoRequest) (*registerapi.PluginInfo, error) {
	return &registerapi.PluginInfo{Type: registerapi.CSIPlugin, Name: s.name, Endpoint: s.endpoint,
		SupportedVersions: []string{"1.0.0"}}, nil
}

func (s registrationServer) NotifyRegistrationStatus(_ context.Context, told *registerapi.RegistrationStatus) (
	*registerapi.RegistrationStatusResponse, error) {
	if !told.PluginRegistered {
		return nil, status.Errorf(codes.Aborted, "the kubelet refuses the driver: %s", told.Error)
	}
	return &registerapi.RegistrationStatusResponse{}, nil
}

type identityServer struct {
	csi.UnimplementedIdentityServer
	driver driver
}

func (s identityServer) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: s.driver.name, VendorVersion: "1"}, nil
}

func (s identityServer) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (
	*csi.GetPluginCapabilitiesResponse, error) {
	return &csi.GetPluginCapabilitiesResponse{}, nil
}

func (s identityServer) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

// nodeServer mounts volumes into pods: one bind mount each, nothing in between.
type nodeServer struct {
	csi.UnimplementedNodeServer
	driver driver
}

func (s nodeServer) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: s.driver.node}, nil
}

func (s nodeServer) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (
	*csi.NodeGetCapabilitiesResponse, error) {
	// So that ReadWriteOncePod reaches a driver as an access mode of its own.
	capability := &csi.NodeServiceCapability{Type: &csi.NodeServiceCapability_Rpc{
		Rpc: &csi.NodeServiceCapability_RPC{Type: csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER}}}
	return &csi.NodeGetCapabilitiesResponse{Capabilities: []*csi.NodeServiceCapability{capability}}, nil
}

func (s nodeServer) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (
	*csi.NodePublishVolumeResponse, error) {
	source, err := s.driver.place(request.VolumeId, request.VolumeContext)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	// A volume that nobody provisioned, from a PersistentVolume written by hand, begins empty.
	if err := makeVolume(source); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if err := publish(source, request.TargetPath, request.Readonly); err != nil {
		return nil, status.Errorf(codes.Internal, "mounting %s: %v", source, err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// publish may be called again for a target that is mounted already: the kubelet does so after its own restart.
func publish(source, target string, readOnly bool) error {
	if err := os.MkdirAll(target, 0o750); err != nil {
		return err
	}
	if mounted, err := sameFolder(source, target); err != nil || mounted {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if readOnly {
		return unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}
	return nil
}

func sameFolder(one, other string) (bool, error) {
	first, err := os.Stat(one)
	if err != nil {
		return false, err
	}
	second, err := os.Stat(other)
	if err != nil {
		return false, err
	}
	return os.SameFile(first, second), nil
}

func (s nodeServer) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (
	*csi.NodeUnpublishVolumeResponse, error) {
	// EINVAL: not a mount point any more.
	if err := unix.Unmount(request.TargetPath, 0); err != nil && !errors.Is(err, unix.EINVAL) &&
		!errors.Is(err, unix.ENOENT) {
		return nil, status.Errorf(codes.Internal, "unmounting %s: %v", request.TargetPath, err)
	}
	if err := os.Remove(request.TargetPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// makeVolume makes the folder of a volume, writable for everybody as a fresh test volume should be.
func makeVolume(folder string) error {
	if err := os.Mkdir(folder, 0o777); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		return err
	}
	return os.Chmod(folder, 0o777) // Mkdir's mode is cut by the umask
}
