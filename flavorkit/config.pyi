from flavorkit.tracking.defaults import is_tracking_uri_set as is_tracking_uri_set
from flavorkit.tracking.defaults import registry_uri, tracking_uri
from flavorkit.tracking.defaults import set_registry_uri as set_registry_uri
from flavorkit.tracking.defaults import set_tracking_uri as set_tracking_uri
from flavorkit.tracking.spool import enable_async_logging as enable_async_logging
from flavorkit.tracking.system_metrics import (
    disable_system_metrics_logging as disable_system_metrics_logging,
)
from flavorkit.tracking.system_metrics import (
    enable_system_metrics_logging as enable_system_metrics_logging,
)
from flavorkit.tracking.system_metrics import (
    set_system_metrics_node_id as set_system_metrics_node_id,
)
from flavorkit.tracking.system_metrics import (
    set_system_metrics_samples_before_logging as set_system_metrics_samples_before_logging,
)
from flavorkit.tracking.system_metrics import (
    set_system_metrics_sampling_interval as set_system_metrics_sampling_interval,
)

get_registry_uri = registry_uri
get_tracking_uri = tracking_uri
