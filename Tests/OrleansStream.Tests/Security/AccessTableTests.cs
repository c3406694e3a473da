
namespace OrleansStream.Tests.Security;

/// <summary>Every operation, with every kind of credential.</summary>
public sealed class AccessTableTests(SecureApi api) : IClassFixture<SecureApi>
{
    [Fact]
    public async Task Operations_LetInWhoHasTheRightAndNobodyElse_AndTellNoSecret()
    {
        var table = new AccessTable(api.ClientOf, api.Bootstrap);

        Assert.Empty(await table.RunAsync());

        // What was done, or failed, of each operation that manages something.
        Assert.All(AccessTable.Managing, id => Assert.Contains(api.Log.All, line => line.Contains($": {id} on ", StringComparison.Ordinal) && !line.Contains("refused", StringComparison.Ordinal)));
        Assert.True(table.Secrets.Count > 60, "The keys were not made.");
        string[] secrets = [.. table.Secrets.Select(key => key[(key.LastIndexOf('_') + 1)..])];
        var log = api.Log.All;
        Assert.NotEmpty(log);
        Assert.DoesNotContain(log.Concat(table.Refusals), text => secrets.Any(secret => text.Contains(secret, StringComparison.OrdinalIgnoreCase)));
    }
}
