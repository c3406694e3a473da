using Bunit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.FluentUI.AspNetCore.Components;
using OrleansStream.WebConsole.Access;
using OrleansStream.WebConsole.Calls;
using OrleansStream.WebConsole.Parts;

namespace OrleansStream.WebConsole.Tests;

/// <summary>Renders components of the console over a service that the test makes up.</summary>
internal sealed class ConsoleContext : BunitContext
{
    public const string Everything = """
        [{"resource":"topic","pattern":"prefix","name":"","operations":["describe","read","write","manage"]},
         {"resource":"group","pattern":"prefix","name":"","operations":["describe","read","manage"]},
         {"resource":"cluster","pattern":"prefix","operations":["describe","manage","admin"]}]
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public ConsoleContext()
    {
        // A busy machine may take longer than the usual second to render.
        DefaultWaitTimeout = Patience;
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddFluentUIComponents();
        Services.AddSingleton<TimeProvider>(Time);
        Services.AddSingleton(Service.Client());
        Services.AddSingleton<Session>();
        Services.AddSingleton<StreamApi>();
        Services.AddSingleton<IssuerSignIn>();
        Services.AddSingleton<History>();
    }

    /// <summary>The service.</summary>
    public FakeService Service { get; } = new();

    /// <summary>The clock; nothing is asked again before the test says so.</summary>
    public ConsoleTime Time { get; } = new();

    /// <summary>Who uses the console.</summary>
    public Session Session => Services.GetRequiredService<Session>();

    /// <summary>Signs somebody in who has these rights.</summary>
    /// <param name="rights">The rights, as the service lists them.</param>
    public async Task SignInAsync(string rights = Everything)
    {
        Service.On("GET access/me", $$"""{"principal":"key:ops","sign_in_required":true,"rights":{{rights}}}""");
        Assert.Null(await Session.SignInAsync("os_ops_secret"));
    }

    /// <summary>Puts time forward by the period of a page, once the page has begun to wait for it.</summary>
    public void Advance<T>(IRenderedComponent<T> page, TimeSpan period)
        where T : Microsoft.AspNetCore.Components.IComponent
    {
        page.WaitForAssertion(() => Assert.True(Time.HasTimerOf(period)));
        Time.Advance(period);
    }
}
