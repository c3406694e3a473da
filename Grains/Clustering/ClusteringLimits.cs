namespace OrleansStream.Clustering;

/// <summary>Bounds of what keeps the cluster together.</summary>
internal static class ClusteringLimits
{
    /// <summary>
    /// How often a change of the membership table is tried when other silos write it meanwhile. Silos write a few times a minute, and each failed try
    /// means that another silo's change was stored.
    /// </summary>
    public const int WriteAttemptsMax = 100;

    /// <summary>The least time between two readings of the files with the cluster's certificates.</summary>
    public static readonly TimeSpan CertificateRereadPeriod = TimeSpan.FromSeconds(10);
}
