using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Components.WebAssembly.Hosting;
using Microsoft.FluentUI.AspNetCore.Components;
using OrleansStream.WebConsole;
using OrleansStream.WebConsole.Access;
using OrleansStream.WebConsole.Calls;
using OrleansStream.WebConsole.Parts;

var builder = WebAssemblyHostBuilder.CreateDefault(args);
builder.RootComponents.Add<App>("#app");
// Each page has its title.
builder.RootComponents.Add<HeadOutlet>("head::after");
builder.Services.AddFluentUIComponents();
builder.Services.AddSingleton(TimeProvider.System);
// The API lies beside the console, below whatever path a proxy serves both at.
builder.Services.AddSingleton(new HttpClient { BaseAddress = new Uri(builder.HostEnvironment.BaseAddress) });
builder.Services.AddSingleton<Session>();
builder.Services.AddSingleton<StreamApi>();
builder.Services.AddSingleton<IssuerSignIn>();
builder.Services.AddSingleton<History>();
await builder.Build().RunAsync();
