using System.Diagnostics.Metrics;
using OrleansStream.Instrumentation;

namespace OrleansStream.Gateway.Instrumentation;

/// <summary>
/// The metrics of what the gateway refuses, in the meter <see cref="StreamTelemetry.Name"/>. No tag has anything that a caller chose.
/// </summary>
internal static class GatewayInstruments
{
    /// <summary>The tag with the quota: <c>requests</c> or <c>bytes</c>.</summary>
    public const string QuotaTag = "quota";

    /// <summary>The tag with the kind of the resource on which the right was missing.</summary>
    public const string ResourceTag = "resource";

    private static readonly Meter Meter = new(StreamTelemetry.Name);

    private static readonly Counter<long> QuotaRefusals = Meter.CreateCounter<long>(
        "orleansstream.quota.refusals", "{request}", "Requests that were refused because their client's quota was used up.");

    private static readonly Counter<long> AccessRefusals = Meter.CreateCounter<long>(
        "orleansstream.access.refusals", "{request}", "Operations that were refused because the caller lacked the right.");

    /// <summary>Notes a request beyond a quota.</summary>
    /// <param name="quota">The name of the quota that held the request back.</param>
    public static void QuotaRefused(string quota) => QuotaRefusals.Add(1, new KeyValuePair<string, object?>(QuotaTag, quota));

    /// <summary>Notes an operation without the right.</summary>
    /// <param name="resource">The kind of the resource.</param>
    public static void AccessRefused(string resource) => AccessRefusals.Add(1, new KeyValuePair<string, object?>(ResourceTag, resource));
}
