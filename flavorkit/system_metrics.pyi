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
