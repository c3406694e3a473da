using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Messaging;
using OrleansStream.Storage;

namespace OrleansStream.Clustering;

/// <summary>Tells clients which silos take them, from the document that <see cref="DocumentMembershipTable"/> keeps.</summary>
/// <param name="documents">Where the table is.</param>
/// <param name="cluster">Whose table it is.</param>
/// <param name="gateway">How often the list is read.</param>
internal sealed class DocumentGatewayListProvider(
    IDocumentStore documents, IOptions<ClusterOptions> cluster, IOptions<GatewayOptions> gateway) : IGatewayListProvider
{
    private readonly string _name = MembershipDocument.NameOf(cluster.Value.ClusterId);

    /// <inheritdoc/>
    public TimeSpan MaxStaleness => gateway.Value.GatewayListRefreshPeriod;

    /// <inheritdoc/>
    public bool IsUpdatable => true;

    /// <inheritdoc/>
    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    /// <inheritdoc/>
    public async Task<IList<Uri>> GetGateways()
    {
        if (await documents.ReadAsync(_name) is not { } document)
            return [];
        return [.. MembershipDocument.Parse(_name, document.Bytes.Span).Gateways().Select(Address)];

        static Uri Address(MembershipEntry entry) =>
            SiloAddress.New(entry.SiloAddress.Endpoint.Address, entry.ProxyPort, entry.SiloAddress.Generation).ToGatewayUri();
    }
}
