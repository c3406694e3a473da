using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What it costs that callers sign in: single durable records with an API key, and to a service where nobody signs in.</summary>
internal sealed class SignInRow : IRow
{
    /// <inheritdoc/>
    public string Name => "sign-in";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        var keyed = new Variant("with an API key", async folder =>
        {
            var (service, key) = await Service.StartWithKeysAsync(folder);
            return (service, $"Authorization: Bearer {key}\r\n");
        });
        return [await ProcessPairs.CompareAsync(context, "with an API key", keyed, Variant.Plain("nobody signs in"), Target.AtMost(1.03))];
    }
}
