using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansStream.Hosting;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Infra;

/// <summary>The calculator of what a load costs: its tables are those of the page, and its prices those that a silo tells its own cost by.</summary>
public sealed class CostCalculatorTests
{
    private const string Begin = "<!-- node infra/cost.mjs --tables -->";
    private const string End = "<!-- end -->";

    [Fact]
    public async Task Tables_AreThoseOfThePage()
    {
        var page = File.ReadAllText(Repository.PathOf("infra", "README.md"));
        var tables = page[(page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)..page.IndexOf(End, StringComparison.Ordinal)];

        Assert.Equal(tables.Trim(), (await RunAsync("--tables")).Trim());
    }

    // By hand: 30 appends a second are 78.84 million in a month of 730 hours, at 0.0625 for 10,000.
    [Fact]
    public async Task Month_OfABudget_IsWhatItsAppendsCost()
    {
        var month = await RunAsync("--partitions", "10", "--silos", "1", "--appends-per-second-max", "30");

        Assert.Matches(@"(?m)^appends +493 USD a month$", month);
        Assert.Matches(@"(?m)^wait of a record for its turn +0\.33 s$", month);
    }

    [Theory]
    [InlineData("--partitions", "many")]
    [InlineData("--partitions", "0")]
    [InlineData("--mb-per-second", "-1")]
    [InlineData("--sku", "Cheap_ZRS")]
    [InlineData("--silo", "3")]
    [InlineData("partitions", "3")]
    public async Task Setting_ThatIsNone_IsToldWithThoseThatThereAre(string name, string value)
    {
        var (exitCode, _, errors) = await OtherProgram.RunAsync(Start(name, value));

        Assert.Equal(2, exitCode);
        Assert.Contains(name, errors, StringComparison.Ordinal);
        Assert.Contains("--mb-per-second", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Prices_AreThoseOfAServiceThatIsToldNone()
    {
        var price = JsonNode.Parse(File.ReadAllText(Repository.PathOf("infra", "prices.json")))!["skus"]!["Standard_ZRS"]!;
        var prices = new BlobPrices();

        Assert.Equal(
            (prices.GbMonth, prices.WritesPer10000, prices.ReadsPer10000),
            ((double)price["gbMonth"]!, (double)price["writesPer10000"]!, (double)price["readsPer10000"]!));
    }

    /// <summary>What a load's appends cost a month, as the calculator has it.</summary>
    internal static async Task<double> AppendsAsync(params string[] settings)
    {
        var line = (await RunAsync(settings)).Split('\n').Single(text => text.StartsWith("appends ", StringComparison.Ordinal) && text.Contains("USD", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], NumberStyles.AllowThousands | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture);
    }

    private static async Task<string> RunAsync(params string[] settings)
    {
        var (exitCode, output, errors) = await OtherProgram.RunAsync(Start(settings));
        Assert.True(exitCode == 0 && errors.Length == 0, errors);
        return output;
    }

    private static ProcessStartInfo Start(params string[] settings) => new("node", [Repository.PathOf("infra", "cost.mjs"), .. settings]);
}
