using Azure.Core.Pipeline;
using OrleansStream.Storage.Azure;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>A container of the Azurite that tests share.</summary>
internal static class AzureTestContainer
{
    public static async Task<AzureBlobContainer> OpenAsync(AzuriteFixture azurite, FaultyHttpHandler? handler = null, string name = "conformance")
    {
        var container = AzureBlobContainer.Open(
            null,
            azurite.ConnectionString,
            name,
            TimeProvider.System,
            TimeSpan.FromMilliseconds(1),
            handler is null ? null : new HttpClientTransport(handler));
        await container.EnsureCreatedAsync(TestContext.Current.CancellationToken);
        return container;
    }
}
