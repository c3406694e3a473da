using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansStream.Api.Hosting;
using OrleansStream.Hosting;

namespace OrleansStream.Tests.Hosting;

/// <summary>What a process logs unless it is told otherwise.</summary>
public sealed class LogLevelTests
{
    // Where this category is on, ASP.NET Core makes an activity for each request, with the flag of the caller, and asks no sampler.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RequestsOfAServer_AreNotLogged(bool isSilo)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders().AddConsole();
        if (isSilo)
            builder.AddOrleansStreamSilo();
        else
            builder.AddApi();
        await using var host = builder.Build();

        var logger = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Microsoft.AspNetCore.Hosting.Diagnostics");

        Assert.False(logger.IsEnabled(LogLevel.Critical));
    }
}
