// Test-csi plays a CSI driver in the test cluster, under any driver name: the part on each node that mounts volumes
// into pods for real, and a dynamic provisioner for the StorageClasses that name the driver.
//
// One process runs in the namespaces of each node. A volume is a folder of the node's backing directory, made when it
// is provisioned and bind-mounted into pods. What kind of storage that makes is a matter of the backing: a folder of
// the node's own disk (--kind local), or one store mounted in every node (--kind network).
//
// Classes may give a backing of their own: parameters: {backing: DIR}. Volumes of the local kind stay on the node that
// the scheduler chose, so their classes need volumeBindingMode: WaitForFirstConsumer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// driver is what both parts of the process have to know.
type driver struct {
	name string
	node string
	// backing is where volumes lie when their class names no other place.
	backing string
	// local: a volume can be used on the node it was made on, and nowhere else.
	local bool
}

// place returns the folder of a volume, for `parameters` of its class or the attributes of its PersistentVolume.
func (d driver) place(volume string, parameters map[string]string) (string, error) {
	// Also a volume that somebody wrote by hand must stay below the backing directory.
	if volume == "" || volume == "." || volume == ".." || filepath.Base(volume) != volume {
		return "", fmt.Errorf("volume %q: a volume's name is one path component", volume)
	}
	backing := d.backing
	if given := parameters[backingParameter]; given != "" {
		backing = given
	}
	if !filepath.IsAbs(backing) {
		return "", fmt.Errorf("backing directory %q is not an absolute path", backing)
	}
	return filepath.Join(backing, volume), nil
}

// serve answers on a Unix socket until ctx ends.
func serve(ctx context.Context, socket string, register func(*grpc.Server)) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return err
	}
	// Left by a process that was killed.
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	register(server)
	go func() {
		<-ctx.Done()
		server.Stop() // removes the socket, which tells the kubelet that the driver is gone
	}()
	return server.Serve(listener)
}

// ensureCSIDriver makes the object that tells the cluster how to use the driver. One that is there is left as it is.
func ensureCSIDriver(ctx context.Context, client kubernetes.Interface, name string, attach bool) error {
	// The kubelet then gives volumes to the pod's fsGroup, so that pods of no rights can write.
	groups := storagev1.FileFSGroupPolicy
	object := &storagev1.CSIDriver{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       storagev1.CSIDriverSpec{AttachRequired: &attach, FSGroupPolicy: &groups},
	}
	_, err := client.StorageV1().CSIDrivers().Create(ctx, object, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func run(ctx context.Context) error {
	name := flag.String("driver", "", "name of the driver, as StorageClasses give it in `provisioner`")
	kind := flag.String("kind", "", "local or network: whether a volume belongs to one node or can be had on every one")
	node := flag.String("node", "", "name of the node this process is on")
	backing := flag.String("backing", "", "directory that holds the volumes")
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	kubelet := flag.String("kubelet-dir", "/var/lib/kubelet", "the kubelet's root directory")
	attach := flag.Bool("attach-required", false, "say so in the CSIDriver object, and attach")
	flag.Parse()
	if *name == "" || *node == "" || *backing == "" || (*kind != "local" && *kind != "network") {
		return errors.New("--driver, --kind local|network, --node and --backing are needed")
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := ensureCSIDriver(ctx, client, *name, *attach); err != nil {
		return fmt.Errorf("CSIDriver: %w", err)
	}

	d := driver{name: *name, node: *node, backing: *backing, local: *kind == "local"}
	endpoint := filepath.Join(*kubelet, "plugins", d.name, "csi.sock")
	ended := make(chan error, 3)
	go func() {
		ended <- serve(ctx, endpoint, func(server *grpc.Server) {
			csi.RegisterIdentityServer(server, identityServer{driver: d})
			csi.RegisterNodeServer(server, nodeServer{driver: d})
		})
	}()
	go func() {
		ended <- serve(ctx, filepath.Join(*kubelet, "plugins_registry", d.name+"-reg.sock"), func(server *grpc.Server) {
			registerapi.RegisterRegistrationServer(server, registrationServer{name: d.name, endpoint: endpoint})
		})
	}()
	if *attach {
		go func() { ended <- attachAll(ctx, client, d) }()
	}
	// Of a driver for all nodes one process provisions; of a local one each does for its own node.
	provisioning := controller.NewProvisionController(ctx, client, d.name, &provisioner{driver: d},
		controller.LeaderElection(!d.local), controller.LeaderElectionNamespace("kube-system"), controller.MetricsPort(0))
	go provisioning.Run(ctx)

	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatalf("test-csi: %v", err)
	}
}
